//! Sections B to D: how supervisors and children start.

use supervisors::supervisor::Restart;

use super::super::case::{Call, Step};
use super::Rule;
use super::story::{Line, Part, Story, When};

pub(super) const RULES: &[Rule] = &[
    (19, |s| usize::from(failed(s).is_some())),
    (20, |s| s.told(|_, told| told.reason.starts_with("{already_started")) + refused(s, "already_started")),
    (21, |s| usize::from(came_up(s) && started(&s.parts[0]) > 0)),
    (22, |s| usize::from(came_up(s) && started(&s.parts[0]) > 1)),
    (24, |s| usize::from(failed(s).is_some() && s.parts[0].died() > 0)),
    (25, |s| usize::from(failed(s).is_some_and(|it| it.matches("failed_to_start_child").count() > 1))),
    (26, |s| usize::from(came_up(s) && died_among_siblings(&s.parts[0]))),
    (27, |s| s.count(|part| part.when == When::End && part.running("root") == 0)),
    (28, |s| s.calls(|_, call, answer| matches!(call, Call::Start(..)) && answer.starts_with("{ok,#"))),
    (29, |s| ignored(s, |restart| restart != Restart::Temporary)),
    (30, |s| ignored(s, |restart| restart == Restart::Temporary)),
    (31, after_an_ignored_start),
    (32, |s| fails(s, |how| matches!(how, "boom" | "normal" | "shutdown"))),
    (33, |s| fails(s, |how| how == "raises")),
    (34, |s| fails(s, |how| how == "links")),
    (36, |s| {
        s.calls(|part, call, answer| match call {
            Call::Start(sup, kid) if answer.starts_with("{ok,#") && part.running(sup) > 0 => {
                part.after.get(sup.as_str()).is_some_and(|children| children[0].0 == kid.id())
            }
            _ => false,
        })
    }),
    (37, |s| {
        s.calls(|part, call, answer| match call {
            Call::Start(sup, kid) => {
                answer.starts_with("{error,{already_started")
                    && part.state_before(sup, kid.id()).is_some_and(|it| it.starts_with('#'))
            }
            _ => false,
        })
    }),
    (38, |s| refused(s, "{error,already_present}")),
    (39, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Start(..))
                && answer.contains(",{child,")
                && !answer.contains("already_started")
        })
    }),
    (40, |s| {
        s.calls(|part, call, answer| match call {
            Call::Start(sup, kid) => {
                answer.contains("already_started") && part.state_before(sup, kid.id()).is_none()
            }
            _ => false,
        })
    }),
    (41, |s| refused(s, "bad_combination")),
    (42, reuses_the_id_of_a_temporary_child),
    (43, |s| {
        s.count(|part| {
            matches!(part.when, When::Step(Step::Retry(..) | Step::Burst(..))) && part.calls().len() > 1
        })
    }),
    (44, |s| fails(s, |how| how == "timeout")),
    (45, |s| s.calls(|_, _, answer| answer == "{exit,noproc}")),
];

/// What a failed start of the root was told as.
fn failed<'a>(s: &Story<'a>) -> Option<&'a str> {
    s.parts[0].lines.iter().find_map(|line| match line {
        Line::Other(result) if result.starts_with("{error") => Some(*result),
        _ => None,
    })
}

fn came_up(s: &Story<'_>) -> bool {
    s.parts[0].lines.iter().any(|line| matches!(line, Line::Other("ok")))
}

fn started(part: &Part<'_>) -> usize {
    part.lines.iter().filter(|line| matches!(line, Line::Start { what, .. } if what.starts_with('#'))).count()
}

fn died_among_siblings(part: &Part<'_>) -> bool {
    let died = part.lines.iter().position(|line| matches!(line, Line::Died { .. }));
    let last = part.lines.iter().rposition(|line| matches!(line, Line::Start { .. }));
    matches!((died, last), (Some(died), Some(last)) if died < last)
}

fn refused(s: &Story<'_>, how: &str) -> usize {
    s.calls(|_, call, answer| matches!(call, Call::Start(..)) && answer.contains(how))
}

fn fails(s: &Story<'_>, how: impl Fn(&str) -> bool) -> usize {
    s.lines(|_, line| matches!(line, Line::Start { what, .. } if how(what)))
}

fn ignored(s: &Story<'_>, of: impl Fn(Restart) -> bool) -> usize {
    s.lines(|part, line| match line {
        Line::Start { id, what: "ignore" } => {
            let kids = part.after.keys().filter_map(|sup| Some((*sup, s.kid(sup, id)?)));
            kids.into_iter().any(|(sup, kid)| {
                let state = part.state_after(sup, id);
                let kept = if kid.restart == Restart::Temporary {
                    state.is_none()
                } else {
                    state == Some("undefined")
                };
                of(kid.restart) && kept && !s.is_template(sup)
            })
        }
        _ => false,
    })
}

/// OTP-031.
fn after_an_ignored_start(s: &Story<'_>) -> usize {
    let mut ignored = Vec::new();
    let mut hits = 0;
    for part in &s.parts {
        for (call, answer) in part.calls() {
            if let (Call::Restart(sup, id) | Call::Delete(sup, id), true) = (call, answer.contains("ok"))
                && part.state_before(sup, id) == Some("undefined")
                && ignored.contains(&id.as_str())
            {
                hits += 1;
            }
        }
        for line in &part.lines {
            if let Line::Start { id, what } = line {
                ignored.retain(|it| it != id);
                if *what == "ignore" {
                    ignored.push(id);
                }
            }
        }
    }
    hits
}

/// OTP-042.
fn reuses_the_id_of_a_temporary_child(s: &Story<'_>) -> usize {
    let mut temporary = Vec::new();
    let mut hits = 0;
    for part in &s.parts {
        for (call, answer) in part.calls() {
            if let (Call::Start(sup, kid), true) = (call, answer.starts_with("{ok,#"))
                && part.state_before(sup, kid.id()).is_none()
                && temporary.contains(&(sup.as_str(), kid.id()))
            {
                hits += 1;
            }
        }
        for line in &part.lines {
            if let Line::Report(told) = line
                && told.policy.starts_with("temporary")
            {
                temporary.push((told.sup, told.id));
            }
        }
    }
    hits
}
