//! Sections K to O: how children and supervisors end, and what is reported.

use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::super::case::{Behaviour, Call, Form, Kid, Step, Stop, What};
use super::Rule;
use super::story::{End, Line, Part, Story, When, is_limited};

pub(super) const RULES: &[Rule] = &[
    (96, |s| s.all_stops(|kid, reason| kid.shutdown == Stop::Brutal && reason == "killed")),
    (97, |s| s.all_stops(|kid, _| is_limited(kid))),
    (98, |s| s.all_stops(|kid, reason| kid.shutdown == Stop::Infinity && reason == "shutdown")),
    (99, |s| s.all_stops(|kid, _| kid.shutdown == Stop::Millis(0))),
    (100, |s| s.told(|_, told| told.context == "shutdown_error" && told.reason == "killed")),
    (101, |s| s.told(|_, told| told.context == "shutdown_error" && told.reason != "killed")),
    (102, |s| {
        s.count(|part| {
            matches!(part.when, When::Step(Step::Burst(sup, exits, _))
                if exits.len() > 1
                    && matches!(s.strategy(sup), Some(Strategy::OneForAll | Strategy::RestForOne))
                    && part.died() > 1)
        })
    }),
    (103, |s| {
        s.all_stops(|kid, _| matches!(&kid.what, What::Worker(job) if job.behaviour == Behaviour::Unlinked))
    }),
    (104, |s| s.count(|part| part.when == When::End && !s.is_template("root") && part.running("root") > 1)),
    (105, |s| s.lines(|_, line| matches!(line, Line::Asked { reason: "shutdown" }))),
    (106, |s| {
        s.count(|part| match part.when {
            When::Step(Step::Burst(_, exits, _)) => part.calls().iter().any(|(call, answer)| {
                let exited = |id: &String| exits.iter().any(|(it, _)| it == id);
                *answer == "ok" && matches!(call, Call::Terminate(_, id) if exited(id) && part.started(id))
            }),
            _ => false,
        })
    }),
    (107, |s| added(s, |answer| answer.starts_with("{ok,#"))),
    (108, |s| added(s, |answer| answer.starts_with("{error,"))),
    (109, |s| added(s, |answer| answer == "{ok,undefined}")),
    (110, |s| s.ends(|part, end| end.in_template() && end.restarts && part.started(end.id))),
    (111, |s| {
        let forgotten = s.ends(|part, end| {
            let ignored =
                |line: &Line<'_>| matches!(line, Line::Start { id, what: "ignore" } if *id == end.id);
            end.in_template() && end.restarts && part.lines.iter().any(ignored)
        });
        forgotten + usize::from(s.adapted.contains(&111))
    }),
    (112, |s| s.told(|_, told| told.context == "shutdown" && s.is_template(told.sup))),
    (113, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Terminate(sup, _) | Call::TerminatePid(sup, _) if s.is_template(sup))
                && !answer.starts_with("{exit")
        })
    }),
    (114, |s| {
        s.calls(|_, call, answer| {
            matches!(call, Call::Restart(..) | Call::Delete(..)) && answer == "{error,simple_one_for_one}"
        })
    }),
    (115, |s| s.count(|part| stopped_template(s, part).is_some_and(|(_, running)| running > 1))),
    (116, |s| {
        s.count(|part| {
            stopped_template(s, part).is_some_and(|(kid, _)| {
                matches!(&kid.what, What::Worker(job) if job.behaviour == Behaviour::Stubborn)
                    || kid.shutdown == Stop::Brutal
            })
        })
    }),
    (117, |s| {
        s.told(|_, told| told.context == "shutdown_error" && told.who.bytes().all(|it| it.is_ascii_digit()))
    }),
    (118, |s| added(s, |answer| answer.starts_with("{ok,#"))),
    (119, |s| s.ends(|part, end| for_good(end) && !matters(end) && !part.ended(&end.sup.id))),
    (120, |s| {
        s.ends(|part, end| {
            end.sup.auto == AutoShutdown::AnySignificant
                && end.kid.significant
                && for_good(end) == part.ended(&end.sup.id)
        })
    }),
    (121, |s| {
        s.ends(|part, end| {
            end.sup.auto == AutoShutdown::AllSignificant
                && matters(end)
                && (part.ended(&end.sup.id) || others(s, part, end, running) > 0)
        })
    }),
    (122, |s| s.ends(|part, end| matters(end) && part.ended(&end.sup.id) && part.running(&end.sup.id) > 1)),
    (123, |s| {
        s.calls(|part, call, answer| {
            matches!(call, Call::Terminate(sup, id)
                if answer == "ok"
                    && part.state_before(sup, id).is_some_and(running)
                    && s.kid(sup, id).is_some_and(|kid| kid.significant)
                    && !part.ended(sup))
        })
    }),
    (124, |s| {
        s.ends(|part, end| {
            end.sup.auto == AutoShutdown::AllSignificant
                && matters(end)
                && part.ended(&end.sup.id)
                && others(s, part, end, |it| it == "undefined") > 0
        })
    }),
    (126, |s| {
        s.ends(|part, end| {
            end.is(Strategy::OneForAll)
                && matters(end)
                && end.kid.restart == Restart::Transient
                && part.ended(&end.sup.id)
                && part.running(&end.sup.id) > 1
        })
    }),
    (127, |s| {
        s.calls(|_, call, answer| matches!(call, Call::Start(..)) && answer.contains("{auto_shutdown,never}"))
    }),
    (128, |s| {
        s.ends(|part, end| matters(end) && part.ended(&end.sup.id) && takes_outer_along(s, part, &end.sup.id))
    }),
    (129, |s| {
        s.told(|part, told| {
            told.context == "shutdown" && told.sup != "root" && takes_outer_along(s, part, told.sup)
        })
    }),
    (131, |s| s.count(|part| part.when == When::End && part.running("root") > 0)),
    (132, |s| {
        s.count(|part| {
            matches!(part.when, When::Step(Step::Signal(id, _)) if s.sup(id).is_some())
                && part.lines.is_empty()
                && part.before == part.after
        })
    }),
    (133, |s| killed(s, |part, sup| part.running(sup) > 0)),
    (134, |s| killed(s, |part, sup| part.running(sup) > 0 && part.after.contains_key(sup))),
    (136, |s| s.told(|part, told| told.context == "shutdown" && told.sup != "root" && part.ended(told.sup))),
    (137, |s| {
        s.ends(|part, end| {
            end.sup.id != "root"
                && end.restarts
                && s.case
                    .supervisors()
                    .iter()
                    .any(|other| other.id != "root" && other.id != end.sup.id && part.running(&other.id) > 0)
        })
    }),
    (142, |s| s.told(|_, told| told.context != "progress")),
    (143, |s| s.told(|part, told| told.context == "shutdown" && part.reports("child_terminated") > 0)),
    (144, |s| {
        s.count(|part| {
            part.when == When::End && part.running("root") > 0 && part.reports("shutdown_error") == 0
        })
    }),
    (145, |s| s.told(|_, told| told.context == "progress")),
];

fn running(state: &str) -> bool {
    state.starts_with('#')
}

fn added(s: &Story<'_>, so: impl Fn(&str) -> bool) -> usize {
    s.calls(|_, call, answer| matches!(call, Call::Add(sup, _) if s.is_template(sup)) && so(answer))
}

/// The supervisor of a template that ended in this part with its children, and how many there were.
fn stopped_template<'a>(s: &Story<'a>, part: &Part<'a>) -> Option<(&'a Kid, usize)> {
    let killed = |id: &str| matches!(part.when, When::Step(Step::Kill(it)) if it == id);
    let sup = s.case.supervisors().into_iter().find(|sup| {
        sup.form == Form::Template && part.ended(&sup.id) && part.running(&sup.id) > 0 && !killed(&sup.id)
    })?;
    Some((&sup.children[0], part.running(&sup.id)))
}

/// Whether it ended without a restart to come.
fn for_good(end: &End<'_>) -> bool {
    !end.restarts
}

/// Whether that may end its supervisor.
fn matters(end: &End<'_>) -> bool {
    for_good(end) && end.kid.significant && end.sup.auto != AutoShutdown::Never
}

/// Its significant siblings in some state.
fn others(s: &Story<'_>, part: &Part<'_>, end: &End<'_>, so: impl Fn(&str) -> bool) -> usize {
    let siblings = part.siblings(&end.sup.id, end.id);
    let significant = |id: &str| s.kid(&end.sup.id, id).is_some_and(|kid| kid.significant);
    siblings.iter().filter(|(id, before, _)| significant(id) && so(before)).count()
}

/// Whether the end of an inner supervisor ended the one above it, because it is significant there.
fn takes_outer_along(s: &Story<'_>, part: &Part<'_>, inner: &str) -> bool {
    s.case.supervisors().into_iter().any(|outer| {
        outer.children.iter().any(|kid| kid.id() == inner && kid.significant) && part.ended(&outer.id)
    })
}

fn killed(s: &Story<'_>, so: impl Fn(&Part<'_>, &str) -> bool) -> usize {
    s.count(|part| matches!(part.when, When::Step(Step::Kill(id)) if s.sup(id).is_some() && so(part, id)))
}
