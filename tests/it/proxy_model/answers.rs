//! The answers to clients, as the model judges them.

use std::time::Duration;

use super::model::{Asked, MOMENT, Model, Verdict, broken};
use super::upstream::{large_poem, poem};

impl Model {
    /// A good end behind these bytes.
    pub(super) fn judge_poem(
        &mut self,
        asked: &Asked,
        label: Option<(&str, Duration)>,
        text: &[u8],
    ) -> Verdict {
        let Some(number) = number_of(text) else {
            return broken(format!("{} bytes that are no poem", text.len()));
        };
        let Some(fetch) = self.fetches.get_mut(&number) else { return broken("a poem that nobody sent") };
        let whole = if fetch.oversize { large_poem(number) } else { poem(number) };
        if text != whole {
            return broken(format!("{} bytes of a poem of {} as a whole one", text.len(), whole.len()));
        }
        let Some(end) = fetch.whole else { return broken("a poem that its upstream has not ended") };
        if fetch.key != asked.key {
            return broken("a poem of another proxy");
        }
        let came = end.may_follow(asked.when) && !fetch.oversize;
        match label {
            Some((label @ ("hit" | "stale"), _)) => self.judge_kept(asked, number, label == "hit"),
            Some((label @ ("miss" | "revalidated"), _)) => {
                if !came {
                    return broken("a poem that was not fetched for it");
                }
                if fetch.led {
                    return broken("a second client for whom one fetch was made");
                }
                fetch.led = true;
                let [surely, perhaps] = fetch.renews;
                match label {
                    "miss" if surely => broken("something was kept when the fetch began"),
                    "revalidated" if !perhaps => broken("nothing was kept when the fetch began"),
                    _ => Ok(()),
                }
            }
            Some(("coalesced", _)) if came => Ok(()),
            Some(("passed", _)) if fetch.oversize => Ok(()),
            Some(_) => broken("a poem by a label that is not its own"),
            None => broken("a poem without a label"),
        }
    }

    fn judge_kept(&mut self, asked: &Asked, number: u32, hit: bool) -> Verdict {
        let (now, terms, [least, most]) = (self.now.at, self.terms, self.terms.fresh());
        let proxy = &self.proxies[asked.key];
        let there =
            |until: Option<_>| until.is_none_or(|until: super::model::When| until.may_follow(asked.when));
        let mut kept = proxy.kept.iter().rev().filter(|kept| kept.fetch == number && there(kept.until));
        let Some(kept) = kept.next() else { return broken("a poem that is no longer kept") };
        let age = now - kept.since.at;
        if hit && age >= most + MOMENT {
            return broken(format!("a hit of a poem {age:?} old"));
        }
        if !hit && age + MOMENT < least {
            return broken(format!("a poem is stale that is only {age:?} old"));
        }
        if age >= most + terms.stale() + MOMENT {
            return broken(format!("a poem {age:?} old, past all its windows"));
        }
        let failed = proxy.failures.iter().any(|failure| {
            let remembered = failure.until >= now && there(failure.forgotten);
            failure.when.may_follow(asked.when) || remembered && failure.when.number > kept.since.number
        });
        let waited = now - asked.when.at + MOMENT >= terms.max_wait;
        if age >= most + terms.revalidate + MOMENT {
            if !failed && !waited {
                return broken(format!("a poem {age:?} old, and nothing has failed"));
            }
            self.met.count("stale if error");
        } else if !hit {
            self.met.count("stale while revalidated");
        }
        Ok(())
    }

    /// A reset, before or behind some bytes.
    pub(super) fn judge_reset(&mut self, asked: &Asked, label: Option<(&str, Duration)>) -> Verdict {
        if asked.left {
            return Ok(());
        }
        let (now, terms) = (self.now.at, self.terms);
        let proxy = &mut self.proxies[asked.key];
        let failed = proxy.failures.iter().any(|failure| failure.when.may_follow(asked.when));
        let orphaned = proxy.cache_struck.is_some_and(|struck| struck.may_follow(asked.when));
        let stale = proxy.kept.last().is_some_and(|kept| {
            let surely = kept.until.is_none() && kept.sure;
            surely && now - kept.since.at + MOMENT < terms.fresh()[0] + terms.stale()
        });
        let allowed = match label {
            None => orphaned,
            Some(("failed", _)) => !stale && (failed || now - asked.when.at + MOMENT >= terms.max_wait),
            Some(("negative", at)) => {
                let remembered = proxy.failures.iter().any(|failure| {
                    let forgotten = failure.forgotten.is_some_and(|then| !then.may_follow(asked.when));
                    failure.until >= at && !forgotten
                });
                !stale && remembered
            }
            Some(("passed", _)) => failed || orphaned || asked.sluggish,
            Some(_) => false,
        };
        if allowed {
            return Ok(());
        }
        // Perhaps it is one of those whose process was struck: they are not told apart.
        match proxy.struck.checked_sub(1) {
            Some(left) => {
                proxy.struck = left;
                Ok(())
            }
            None if stale => broken("reset, though a stale poem is kept"),
            None => broken("reset without a reason"),
        }
    }
}

/// Which fetch a poem is of, by its first line.
fn number_of(text: &[u8]) -> Option<u32> {
    let line = text.strip_prefix(b"poem ")?.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line).ok()?.parse().ok()
}
