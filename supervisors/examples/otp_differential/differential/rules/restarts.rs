//! Sections G to J: who is restarted, how often, and what if that fails.

use supervisors::supervisor::{Restart, Strategy};

use super::super::case::{Call, Form, Step, What};
use super::Rule;
use super::requests::ids;
use super::story::{End, Line, Part, Story, When};

pub(super) const RULES: &[Rule] = &[
    (62, |s| s.told(|_, told| told.context == "child_terminated" && told.policy.starts_with("permanent"))),
    (63, |s| {
        s.ends(|part, end| {
            end.kid.restart == Restart::Transient
                && end.clean
                && part.reports("child_terminated") == 0
                && (part.ended(&end.sup.id) || part.state_after(&end.sup.id, end.id) == Some("undefined"))
        })
    }),
    (64, |s| s.told(|_, told| told.context == "child_terminated" && told.policy.starts_with("transient"))),
    (65, |s| {
        s.ends(|part, end| {
            end.kid.restart == Restart::Temporary
                && (part.reports("child_terminated") == 0) == end.clean
                && part.state_after(&end.sup.id, end.id).is_none()
        })
    }),
    (68, |s| {
        s.ends(|part, end| {
            end.is(Strategy::OneForOne) && again(part, end) && part.siblings_untouched(&end.sup.id, end.id)
        })
    }),
    (69, |s| s.ends(|part, end| end.is(Strategy::OneForAll) && again(part, end) && renewed(part, end) > 0)),
    (70, |s| {
        s.ends(|part, end| {
            let kept = part
                .siblings(&end.sup.id, end.id)
                .iter()
                .any(|(_, it, after)| running(it) && *after == Some(it));
            end.is(Strategy::RestForOne) && again(part, end) && renewed(part, end) > 0 && kept
        })
    }),
    (71, |s| {
        s.ends(|part, end| {
            !end.restarts
                && (end.is(Strategy::OneForAll) || end.is(Strategy::RestForOne))
                && part.siblings_untouched(&end.sup.id, end.id)
        })
    }),
    (72, |s| {
        s.ends(|part, end| {
            grouped(part, end)
                && part.siblings(&end.sup.id, end.id).iter().any(|(id, before, after)| {
                    running(before)
                        && after.is_none()
                        && s.kid(&end.sup.id, id).is_some_and(|kid| kid.restart == Restart::Temporary)
                })
        })
    }),
    (73, |s| {
        s.ends(|part, end| {
            let siblings = part.siblings(&end.sup.id, end.id);
            let revived =
                siblings.iter().any(|(_, it, after)| *it == "undefined" && after.is_some_and(running));
            grouped(part, end) && revived
        })
    }),
    (74, |s| {
        s.count(|part| {
            s.case.supervisors().iter().skip(1).any(|sup| {
                let static_ids: Vec<_> = sup.children.iter().map(super::super::case::Kid::id).collect();
                let after = ids(&part.after, &sup.id);
                sup.form != Form::Template
                    && part.ended(&sup.id)
                    && part.after.contains_key(sup.id.as_str())
                    && ids(&part.before, &sup.id)
                        .iter()
                        .any(|id| !static_ids.contains(id) && !after.contains(id))
            })
        })
    }),
    (75, |s| burst(s, Strategy::OneForAll, |part| part.reports("shutdown_error") > 0)),
    (76, |s| burst(s, Strategy::OneForOne, |part| part.reports("child_terminated") > 1)),
    (77, |s| s.ends(|part, end| grouped(part, end) && renewed(part, end) > 1)),
    (78, |s| {
        s.ends(|part, end| {
            again(part, end)
                && !end.in_template()
                && part.running(&end.sup.id) > 1
                && part.siblings(&end.sup.id, end.id).iter().all(|(_, _, after)| after.is_some())
                && ids(&part.before, &end.sup.id) == ids(&part.after, &end.sup.id)
        })
    }),
    (79, |s| s.told(|_, told| told.context == "shutdown")),
    (80, |s| {
        s.ends(|part, end| {
            part.running(&end.sup.id) > 1 && part.reports("shutdown") > 0 && part.ended(&end.sup.id)
        })
    }),
    (82, |s| gaps(s, |gap, period, _| gap > period * 1000 && gap < (period + 1) * 1000)),
    (83, |s| gaps(s, |gap, period, allowed| allowed && gap >= (period + 1) * 1000)),
    (85, not_counted),
    (86, |s| gives_up_on_a_start(s)),
    (87, |s| {
        s.count(|part| {
            let gave_up = |outer: bool| {
                let of = |sup: &str| (sup == "root") == outer;
                part.lines.iter().any(
                    |line| matches!(line, Line::Report(told) if told.context == "shutdown" && of(told.sup)),
                )
            };
            gave_up(false) && !gave_up(true) && part.after.contains_key("root")
        })
    }),
    (88, |s| s.told(|part, told| told.context == "start_error" && part.when != When::Start)),
    (89, |s| {
        s.count(|part| {
            matches!(part.when, When::Step(Step::Retry(..)))
                && part.reports("start_error") > 0
                && !part.calls().is_empty()
        })
    }),
    (90, |s| gives_up_on_a_start(s)),
    (91, |s| {
        s.ends(|part, end| end.is(Strategy::OneForAll) && sibling_fails(part, end) && started_and_died(part))
    }),
    (92, |s| {
        s.ends(|part, end| {
            end.is(Strategy::RestForOne)
                && sibling_fails(part, end)
                && again(part, end)
                && !started_and_died(part)
        })
    }),
    (93, |s| {
        s.count(|part| match part.when {
            When::Step(Step::Retry(sup, id, _)) => {
                matches!(s.strategy(sup), Some(Strategy::OneForAll | Strategy::RestForOne))
                    && part.reports("start_error") > 0
                    && part.calls().iter().any(|(call, answer)| {
                        call.child() == Some(id) && (answer.contains("restarting") || *answer == "ok")
                    })
            }
            _ => false,
        })
    }),
    (94, |s| {
        s.ends(|part, end| {
            let ignored =
                |line: &Line<'_>| matches!(line, Line::Start { id, what: "ignore" } if *id == end.id);
            end.restarts
                && !end.in_template()
                && part.lines.iter().any(ignored)
                && part.state_after(&end.sup.id, end.id) == Some("undefined")
        })
    }),
    (95, |s| {
        s.ends(|part, end| {
            part.lines.iter().any(|line| {
                matches!(line, Line::Report(told)
                    if told.context == "shutdown" && told.sup == end.sup.id && told.id != end.id)
            }) && !end.in_template()
        })
    }),
];

fn running(state: &str) -> bool {
    state.starts_with('#')
}

/// Whether the child runs again.
fn again(part: &Part<'_>, end: &End<'_>) -> bool {
    end.restarts
        && !end.in_template()
        && part.state_after(&end.sup.id, end.id).is_some_and(|after| running(after) && after != end.pid)
}

/// Siblings that ran and were restarted.
fn renewed(part: &Part<'_>, end: &End<'_>) -> usize {
    let siblings = part.siblings(&end.sup.id, end.id);
    siblings
        .iter()
        .filter(|(_, it, after)| running(it) && after.is_some_and(|new| running(new) && new != *it))
        .count()
}

fn grouped(part: &Part<'_>, end: &End<'_>) -> bool {
    (end.is(Strategy::OneForAll) || end.is(Strategy::RestForOne)) && again(part, end)
}

fn burst(s: &Story<'_>, strategy: Strategy, so: impl Fn(&Part<'_>) -> bool) -> usize {
    s.count(|part| {
        matches!(part.when, When::Step(Step::Burst(sup, exits, _))
            if s.strategy(sup) == Some(strategy) && exits.len() > 1 && so(part))
    })
}

/// Pairs of restarts one behind the other, by the time between them and the period.
fn gaps(s: &Story<'_>, so: impl Fn(u64, u64, bool) -> bool) -> usize {
    let sups = s.case.supervisors().into_iter().filter(|sup| sup.intensity == 1);
    sups.map(|sup| {
        let attempts = s.attempts(&sup.id);
        attempts.windows(2).filter(|pair| so(pair[1].0 - pair[0].0, sup.period, pair[1].1)).count()
    })
    .sum()
}

/// OTP-085: an end or request that is no restart, and then a restart that would have been one too many.
fn not_counted(s: &Story<'_>) -> usize {
    let mut hits = 0;
    for sup in s.case.supervisors().into_iter().filter(|sup| sup.intensity == 1) {
        let mut uncounted = None;
        for part in &s.parts {
            let end = s.end(part).filter(|end| end.sup.id == sup.id);
            let asked = part.calls().iter().any(|(call, answer)| {
                answer.contains("ok")
                    && matches!(call, Call::Terminate(it, _) | Call::Restart(it, _) if *it == sup.id)
            });
            if end.as_ref().is_some_and(|end| !end.restarts) || asked {
                uncounted = Some(part.now);
            }
            if end.is_some_and(|end| again(part, &end))
                && uncounted.take().is_some_and(|then| part.now - then < sup.period * 1000)
            {
                hits += 1;
            }
        }
    }
    hits
}

fn gives_up_on_a_start(s: &Story<'_>) -> usize {
    s.told(|part, told| {
        told.context == "shutdown" && told.who.starts_with("restarting") && part.reports("start_error") > 0
    })
}

fn sibling_fails(part: &Part<'_>, end: &End<'_>) -> bool {
    part.lines.iter().any(|line| {
        matches!(line, Line::Report(told)
            if told.context == "start_error" && told.sup == end.sup.id && told.id != end.id)
    }) && end.sup.children.iter().any(|kid| matches!(kid.what, What::Worker(_)))
}

/// Whether one that was started in this part died in it, too.
fn started_and_died(part: &Part<'_>) -> bool {
    let started: Vec<_> = part
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Start { what, .. } if running(what) => Some(*what),
            _ => None,
        })
        .collect();
    part.lines.iter().any(|line| matches!(line, Line::Died { pid, .. } if started.contains(pid)))
}
