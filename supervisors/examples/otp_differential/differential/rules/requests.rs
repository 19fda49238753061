//! Sections E and F: requests and questions.

use supervisors::supervisor::{Restart, Strategy};

use super::super::case::{Call, Step};
use super::Rule;
use super::story::{Part, Story, When};

pub(super) const RULES: &[Rule] = &[
    (46, |s| {
        terminated(s, |part, sup, id| {
            matches!(part.state_before(sup, id), Some(it) if it.starts_with('#') || it == "undefined")
                && part.state_after(sup, id) == Some("undefined")
        })
    }),
    (47, |s| {
        s.calls(|_, call, answer| {
            answer == "{error,not_found}"
                && matches!(call, Call::Terminate(sup, _) | Call::TerminatePid(sup, _) if !s.is_template(sup))
        })
    }),
    (48, |s| {
        terminated(s, |part, sup, id| {
            part.state_before(sup, id).is_some()
                && s.kid(sup, id).is_some_and(|kid| kid.restart == Restart::Temporary)
                && part.state_after(sup, id).is_none()
        })
    }),
    (49, |s| {
        s.count(|part| {
            matches!(part.when, When::Step(Step::Retry(sup, id, _))
                if !s.is_template(sup)
                    && part.reports("start_error") > 0
                    && part.state_after(sup, id) == Some("undefined")
                    && part.calls().iter().any(|(call, answer)| *answer == "ok"
                        && matches!(call, Call::Terminate(_, it) if it == id)))
        })
    }),
    (50, |s| {
        s.calls(|part, call, answer| match call {
            Call::Terminate(sup, id) | Call::Restart(sup, id) => {
                answer.contains("ok")
                    && matches!(s.strategy(sup), Some(Strategy::OneForAll | Strategy::RestForOne))
                    && matches!(part.when, When::Step(Step::Call(_)))
                    && part.siblings_untouched(sup, id)
            }
            _ => false,
        })
    }),
    (51, |s| restarted(s, |part, sup, _| ids(&part.before, sup) == ids(&part.after, sup))),
    (52, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Restart(sup, _) if !s.is_template(sup))
                && answer.starts_with("{error,")
                && !["{error,running}", "{error,restarting}", "{error,not_found}"].contains(&answer)
        })
    }),
    (53, |s| s.calls(|_, call, answer| matches!(call, Call::Delete(..)) && answer == "ok")),
    (54, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Restart(..) | Call::Delete(..))
                && ["{error,running}", "{error,restarting}", "{error,not_found}"].contains(&answer)
        })
    }),
    (55, |s| s.count(|part| part.after.values().any(|children| !children.is_empty()))),
    (56, |s| s.count(|part| part.after.iter().any(|(sup, it)| it.len() > 1 && !s.is_template(sup)))),
    (57, |s| s.calls(|_, call, _| matches!(call, Call::Which(..)))),
    (58, |s| counted(s, false)),
    (59, |s| counted(s, true)),
    (60, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Spec(sup, _) if !s.is_template(sup)) && answer.starts_with("{ok,")
        })
    }),
    (61, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Spec(sup, _) | Call::SpecPid(sup, _) if s.is_template(sup))
                && !answer.starts_with("{exit")
        })
    }),
];

fn terminated(s: &Story<'_>, so: impl Fn(&Part<'_>, &str, &str) -> bool) -> usize {
    s.calls(|part, call, answer| {
        matches!(call, Call::Terminate(sup, id) if answer == "ok" && so(part, sup, id))
            && matches!(part.when, When::Step(Step::Call(_)))
    })
}

fn restarted(s: &Story<'_>, so: impl Fn(&Part<'_>, &str, &str) -> bool) -> usize {
    s.calls(|part, call, answer| {
        matches!(call, Call::Restart(sup, id) if answer.starts_with("{ok,#") && so(part, sup, id))
    })
}

fn counted(s: &Story<'_>, template: bool) -> usize {
    s.calls(|_, call, answer| {
        matches!(call, Call::Count(sup) if s.is_template(sup) == template) && answer.starts_with("[{active")
    })
}

pub(super) fn ids<'a>(tables: &super::story::Tables<'a>, sup: &str) -> Vec<&'a str> {
    tables.get(sup).into_iter().flatten().map(|(id, _)| *id).collect()
}
