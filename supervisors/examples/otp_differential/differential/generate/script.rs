//! Random scripts for a tree.

use fastrand::Rng;
use supervisors::supervisor::AutoShutdown;

use super::super::case::{Call, Form, Kid, Reason, Step, Sup, What};
use super::{Bounds, Cast, LABELS, SUPERVISORS, WORKERS, pick, tree};

pub(super) fn script(rng: &mut Rng, bounds: Bounds, root: &Sup) -> Vec<Step> {
    let cast = Cast::of(root);
    let steps = rng.usize(1..=10);
    let mut script = Vec::new();
    // A supervisor of a template begins without children.
    for (sup, _) in &cast.templates {
        script.extend((0..rng.usize(1..=3)).map(|_| Step::Call(add(rng, sup))));
    }
    script.extend((0..steps).map(|_| step_with(rng, bounds, root, &cast)));
    script
}

/// Any step.
pub(super) fn step(rng: &mut Rng, bounds: Bounds, root: &Sup) -> Step {
    step_with(rng, bounds, root, &Cast::of(root))
}

fn step_with(rng: &mut Rng, bounds: Bounds, root: &Sup, cast: &Cast) -> Step {
    match rng.u8(..40) {
        0..=12 => Step::Exit(cast.worker(rng), reason(rng)),
        13..=14 => Step::Kill(to_kill(rng, bounds, cast)),
        15 => Step::Signal(any_sup(rng, cast), pick(rng, &[Reason::Normal, Reason::Shutdown, Reason::Boom])),
        16 => Step::Squat(cast.worker(rng)),
        17 => Step::Vacate(cast.worker(rng)),
        18..=21 => burst(rng, bounds, root, cast),
        22..=24 => {
            let (sup, id) = family(rng, cast);
            let calls = (0..rng.usize(1..=3)).map(|_| call_to(rng, bounds, root, cast, &sup, Some(&id)));
            let calls = calls.collect();
            Step::Retry(sup, id, calls)
        }
        25..=33 => {
            let sup = any_sup(rng, cast);
            Step::Call(call_to(rng, bounds, root, cast, &sup, None))
        }
        _ => Step::Advance(pick(rng, &[0, 1, 500, 900, 999, 1000, 1001, 1180, 1870, 2000, 2100, 5000, 6000])),
    }
}

fn reason(rng: &mut Rng) -> Reason {
    pick(
        rng,
        &[
            Reason::Boom,
            Reason::Boom,
            Reason::Boom,
            Reason::Normal,
            Reason::Shutdown,
            Reason::ShutdownX,
            Reason::ShutdownAB,
            Reason::Killed,
            Reason::NoProc,
        ],
    )
}

fn to_kill(rng: &mut Rng, bounds: Bounds, cast: &Cast) -> String {
    if bounds.kills && rng.bool() && !cast.inner.is_empty() {
        return pick(rng, &cast.inner);
    }
    if bounds.kills && rng.u8(..20) == 0 { "root".to_owned() } else { cast.worker(rng) }
}

/// A supervisor: of the tree, rarely one that is not there.
fn any_sup(rng: &mut Rng, cast: &Cast) -> String {
    if rng.u8(..20) == 0 {
        return pick(rng, &SUPERVISORS).to_owned();
    }
    if !cast.inner.is_empty() && rng.bool() { pick(rng, &cast.inner) } else { "root".to_owned() }
}

/// A supervisor and a worker of its own, if it has one.
fn family(rng: &mut Rng, cast: &Cast) -> (String, String) {
    if !cast.templates.is_empty() && rng.bool() {
        let (sup, id) = pick(rng, &cast.templates);
        return (sup, format!("{id}{}", pick(rng, &LABELS)));
    }
    match cast.statics.iter().filter(|(_, workers)| !workers.is_empty()).collect::<Vec<_>>() {
        few if few.is_empty() => ("root".to_owned(), pick(rng, &WORKERS).to_owned()),
        some => {
            let (sup, workers) = pick(rng, &some);
            (sup.clone(), pick(rng, workers))
        }
    }
}

fn burst(rng: &mut Rng, bounds: Bounds, root: &Sup, cast: &Cast) -> Step {
    let (sup, first) = family(rng, cast);
    let mut exits = vec![(first.clone(), reason(rng))];
    for _ in 0..rng.usize(..3) {
        let (of, id) = family(rng, cast);
        if of == sup && exits.iter().all(|(other, _)| *other != id) {
            exits.push((id, reason(rng)));
        }
    }
    let mut calls = Vec::new();
    for _ in 0..rng.usize(..3) {
        calls.push(call_to(rng, bounds, root, cast, &sup, Some(&first)));
    }
    Step::Burst(sup, exits, calls)
}

fn is_template(root: &Sup, id: &str) -> bool {
    root.supervisors().iter().any(|sup| sup.id == id && sup.form == Form::Template)
}

fn add(rng: &mut Rng, sup: &str) -> Call {
    Call::Add(sup.to_owned(), pick(rng, &LABELS).to_owned())
}

/// A request to `sup`, mostly about `of` if that is given.
fn call_to(rng: &mut Rng, bounds: Bounds, root: &Sup, cast: &Cast, sup: &str, of: Option<&str>) -> Call {
    let id = match of {
        Some(id) if rng.u8(..4) > 0 => id.to_owned(),
        _ => {
            let own = cast.statics.iter().find(|(id, _)| id == sup).map(|(_, workers)| workers);
            match own.filter(|workers| !workers.is_empty()) {
                Some(workers) if rng.u8(..4) > 0 => pick(rng, workers),
                _ if rng.u8(..4) == 0 => any_sup(rng, cast),
                _ => cast.worker(rng),
            }
        }
    };
    let sup = sup.to_owned();
    if is_template(root, &sup) {
        return match rng.u8(..12) {
            0..=4 => add(rng, &sup),
            5..=7 => Call::TerminatePid(sup, id),
            8 => Call::Terminate(sup, id),
            9 => Call::Count(sup),
            10 => pick(rng, &[Call::Restart(sup.clone(), id.clone()), Call::Delete(sup, id)]),
            _ => pick(rng, &[Call::SpecPid(sup.clone(), id.clone()), Call::Spec(sup, id)]),
        };
    }
    match rng.u8(..20) {
        0..=4 => start_child(rng, bounds, root, sup, id),
        5..=8 => Call::Terminate(sup, id),
        9..=11 => Call::Restart(sup, id),
        12..=14 => Call::Delete(sup, id),
        15..=16 => Call::Count(sup),
        17 => Call::Which(sup, id),
        18 => Call::Spec(sup, id),
        _ => Call::TerminatePid(sup, id),
    }
}

fn start_child(rng: &mut Rng, bounds: Bounds, root: &Sup, sup: String, id: String) -> Call {
    let auto = root.supervisors().iter().find(|it| it.id == sup).map_or(AutoShutdown::Never, |it| it.auto);
    let taken = root.supervisors().iter().any(|it| it.id == id) || SUPERVISORS.contains(&id.as_str());
    let id = if taken || rng.bool() { pick(rng, &WORKERS).to_owned() } else { id };
    let what = What::Worker(tree::job(rng, bounds, &id, sup == "root"));
    let mut kid: Kid = tree::kid(rng, auto, what);
    // A combination that is refused, now and then.
    kid.significant |= rng.u8(..10) == 0;
    Call::Start(sup, Box::new(kid))
}
