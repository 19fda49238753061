//! Random trees.

use fastrand::Rng;
use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::super::case::{Behaviour, Form, Job, Kid, Reason, Start, Stop, Sup, What};
use super::{Bounds, SUPERVISORS, TEMPLATES, WORKERS, pick};

/// The ids that are still to be had.
struct Ids {
    workers: Vec<&'static str>,
    supervisors: Vec<&'static str>,
    templates: Vec<&'static str>,
}

pub(super) fn root(rng: &mut Rng, bounds: Bounds) -> Sup {
    let mut ids = Ids {
        workers: WORKERS[..4].to_vec(),
        supervisors: SUPERVISORS.to_vec(),
        templates: TEMPLATES.to_vec(),
    };
    if rng.u8(..12) == 0 {
        return template(rng, "root", "p");
    }
    sup(rng, bounds, "root", &mut ids, 0)
}

fn sup(rng: &mut Rng, bounds: Bounds, id: &str, ids: &mut Ids, depth: u32) -> Sup {
    let strategy = pick(rng, &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]);
    let auto = pick(
        rng,
        &[
            AutoShutdown::Never,
            AutoShutdown::Never,
            AutoShutdown::AnySignificant,
            AutoShutdown::AllSignificant,
        ],
    );
    let mut children = Vec::new();
    for _ in 0..rng.usize(0..=if depth == 0 { 4 } else { 3 }) {
        let what = if depth < 2 && !ids.supervisors.is_empty() && rng.u8(..4) == 0 {
            let id = ids.supervisors.remove(0);
            if !ids.templates.is_empty() && rng.u8(..3) == 0 {
                What::Supervisor(template(rng, id, ids.templates.remove(0)))
            } else {
                What::Supervisor(sup(rng, bounds, id, ids, depth + 1))
            }
        } else if ids.workers.is_empty() {
            break;
        } else {
            What::Worker(job(rng, bounds, ids.workers.remove(0), depth == 0))
        };
        children.push(kid(rng, auto, what));
    }
    Sup {
        id: id.to_owned(),
        form: Form::Static(strategy),
        intensity: intensity(rng),
        period: pick(rng, &[1, 2, 5]),
        auto,
        children,
    }
}

fn intensity(rng: &mut Rng) -> u32 {
    pick(rng, &[0, 1, 1, 2, 3, 5])
}

pub(super) fn template(rng: &mut Rng, id: &str, worker: &str) -> Sup {
    let job = Job { named: false, ..job(rng, Bounds { kills: true }, worker, id == "root") };
    let mut kid = kid(rng, AutoShutdown::Never, What::Worker(job));
    // How far its children come in no time at all, is for OTP's scheduler to say.
    if kid.shutdown == Stop::Millis(0) {
        let stubborn = matches!(&kid.what, What::Worker(job) if job.behaviour == Behaviour::Stubborn);
        kid.shutdown = if stubborn { Stop::Millis(3) } else { Stop::Infinity };
    }
    Sup {
        id: id.to_owned(),
        form: Form::Template,
        intensity: intensity(rng),
        period: pick(rng, &[1, 2, 5]),
        auto: AutoShutdown::Never,
        children: vec![kid],
    }
}

/// Only those right below the root end while they start: an inner supervisor would answer that beside what the outer one
/// does, and no order is promised between these two (OTP-165).
pub(super) fn job(rng: &mut Rng, bounds: Bounds, id: &str, top: bool) -> Job {
    let behaviour = match rng.u8(..10) {
        0..=2 => Behaviour::Plain,
        3..=4 => Behaviour::Obedient,
        5 => Behaviour::Slow,
        6 => Behaviour::Stubborn,
        7 => Behaviour::Answers(pick(rng, &[Reason::Normal, Reason::ShutdownX])),
        8 => Behaviour::Answers(pick(rng, &[Reason::Boom, Reason::ShutdownAB, Reason::Killed])),
        _ if bounds.kills => Behaviour::Plain,
        _ => Behaviour::Unlinked,
    };
    let mut starts = Vec::new();
    // A start that dies would be the unnoticed end of one without a link.
    if behaviour != Behaviour::Unlinked && rng.u8(..3) == 0 {
        // Often the first start is well, so that there is a tree.
        let first = if rng.bool() { rng.usize(1..=2) } else { 0 };
        starts.extend((0..first).map(|_| Start::Ok));
        starts.extend((0..rng.usize(1..=3)).map(|_| start(rng, top)));
    }
    Job { id: id.to_owned(), behaviour, starts, named: !bounds.kills && rng.u8(..4) == 0 }
}

fn start(rng: &mut Rng, top: bool) -> Start {
    match rng.u8(..12) {
        0..=1 => Start::Ok,
        2..=4 => Start::Ignore,
        5..=7 => Start::Fails(pick(rng, &[Reason::Boom, Reason::Boom, Reason::Normal, Reason::Shutdown])),
        8 => Start::Raises,
        9 => Start::Links(Reason::Boom),
        10 if top => Start::Dies(pick(rng, &[Reason::Boom, Reason::Normal, Reason::Shutdown])),
        _ => Start::Asks,
    }
}

pub(super) fn kid(rng: &mut Rng, auto: AutoShutdown, what: What) -> Kid {
    let restart = pick(
        rng,
        &[Restart::Permanent, Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary],
    );
    let significant = auto != AutoShutdown::Never && restart != Restart::Permanent && rng.bool();
    let shutdown = match &what {
        // Waits for the stubborn are real time on the other side.
        What::Worker(Job { behaviour: Behaviour::Stubborn, .. }) => {
            pick(rng, &[Stop::Brutal, Stop::Millis(0), Stop::Millis(3)])
        }
        What::Worker(_) => pick(
            rng,
            &[Stop::Brutal, Stop::Millis(0), Stop::Millis(5000), Stop::Millis(5000), Stop::Infinity],
        ),
        What::Supervisor(_) => Stop::Infinity,
    };
    Kid { restart, significant, shutdown, what }
}
