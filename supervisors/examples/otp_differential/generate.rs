//! Random cases from a seed, and smaller ones from one that fails.

use fastrand::Rng;
use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::case::{Behaviour, Case, Kid, Reason, Start, Step, Stop, Sup, What};

/// The ids there are, so that a script meets what a tree has.
const WORKERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const SUPERVISORS: [&str; 2] = ["s", "t"];

/// A case drawn from `seed`.
pub(crate) fn case(seed: u64) -> Case {
    let rng = &mut Rng::with_seed(seed);
    let mut workers = WORKERS[..4].to_vec();
    let mut supervisors = SUPERVISORS.to_vec();
    let root = sup(rng, "root", &mut workers, &mut supervisors, 0);
    let steps = rng.usize(1..=10);
    let script = (0..steps).map(|_| step(rng, &root)).collect();
    Case { root, script }
}

fn sup(rng: &mut Rng, id: &str, workers: &mut Vec<&str>, supervisors: &mut Vec<&str>, depth: u32) -> Sup {
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
        let what = if depth < 2 && !supervisors.is_empty() && rng.u8(..4) == 0 {
            let id = supervisors.remove(0);
            What::Supervisor(sup(rng, id, workers, supervisors, depth + 1))
        } else if workers.is_empty() {
            break;
        } else {
            worker(rng, workers.remove(0))
        };
        children.push(kid(rng, auto, what));
    }
    Sup {
        id: id.to_owned(),
        strategy,
        intensity: pick(rng, &[0, 1, 1, 2, 3]),
        period: pick(rng, &[1, 2, 5]),
        auto,
        children,
    }
}

fn worker(rng: &mut Rng, id: &str) -> What {
    let behaviour = pick(
        rng,
        &[
            Behaviour::Plain,
            Behaviour::Plain,
            Behaviour::Obedient,
            Behaviour::Obedient,
            Behaviour::Stubborn,
            Behaviour::Answers(Reason::Normal),
            Behaviour::Answers(Reason::ShutdownX),
            Behaviour::Answers(Reason::Boom),
        ],
    );
    let mut starts = Vec::new();
    if rng.u8(..3) == 0 {
        for _ in 0..rng.usize(1..=4) {
            starts.push(pick(
                rng,
                &[Start::Ok, Start::Ok, Start::Ok, Start::Ignore, Start::Fails(Reason::Boom)],
            ));
        }
    }
    What::Worker { id: id.to_owned(), behaviour, starts }
}

fn kid(rng: &mut Rng, auto: AutoShutdown, what: What) -> Kid {
    let restart = pick(
        rng,
        &[Restart::Permanent, Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary],
    );
    let significant = auto != AutoShutdown::Never && restart != Restart::Permanent && rng.bool();
    let shutdown = match &what {
        // Waits for the stubborn are real time on the other side.
        What::Worker { behaviour: Behaviour::Stubborn, .. } => {
            pick(rng, &[Stop::Brutal, Stop::Millis(0), Stop::Millis(5)])
        }
        What::Worker { .. } => {
            pick(rng, &[Stop::Brutal, Stop::Millis(5000), Stop::Millis(5000), Stop::Infinity])
        }
        What::Supervisor(_) => Stop::Infinity,
    };
    Kid { restart, significant, shutdown, what }
}

fn step(rng: &mut Rng, root: &Sup) -> Step {
    let any = |rng: &mut Rng| {
        if rng.u8(..4) == 0 { pick(rng, &SUPERVISORS).to_owned() } else { pick(rng, &WORKERS).to_owned() }
    };
    let sup = |rng: &mut Rng| {
        if rng.u8(..4) == 0 { pick(rng, &SUPERVISORS).to_owned() } else { "root".to_owned() }
    };
    match rng.u8(..20) {
        0..=8 => {
            let reason = pick(
                rng,
                &[
                    Reason::Boom,
                    Reason::Boom,
                    Reason::Boom,
                    Reason::Normal,
                    Reason::Shutdown,
                    Reason::ShutdownX,
                    Reason::Killed,
                ],
            );
            Step::Exit(pick(rng, &WORKERS).to_owned(), reason)
        }
        9 => Step::Kill(to_kill(rng, root)),
        10..=11 => {
            let auto = if rng.u8(..10) == 0 { root.auto } else { AutoShutdown::Never };
            let id = pick(rng, &WORKERS);
            let what = worker(rng, id);
            let mut kid = kid(rng, auto, what);
            // A combination that is refused, now and then.
            kid.significant |= rng.u8(..10) == 0;
            Step::Start(sup(rng), Box::new(kid))
        }
        12..=13 => Step::Terminate(sup(rng), any(rng)),
        14 => Step::Restart(sup(rng), any(rng)),
        15 => Step::Delete(sup(rng), any(rng)),
        16 => Step::Count(sup(rng)),
        _ => Step::Advance(pick(rng, &[0, 1, 500, 999, 1000, 1001, 2000, 5000, 6000])),
    }
}

/// A worker, or a supervisor with none below it: a killed one's subtree and its successor overlap on the BEAM (OTP-134),
/// and never do here, so their traces are not comparable.
fn to_kill(rng: &mut Rng, root: &Sup) -> String {
    let leaf = root.children.iter().find_map(|kid| match &kid.what {
        What::Supervisor(sup) => {
            let nested = sup.children.iter().any(|kid| matches!(kid.what, What::Supervisor(_)));
            (!nested).then(|| sup.id.clone())
        }
        What::Worker { .. } => None,
    });
    match leaf {
        Some(id) if rng.bool() => id,
        _ => pick(rng, &WORKERS).to_owned(),
    }
}

fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}

/// The smallest case found that still fails, by leaving out steps, children, and outcomes of starts.
pub(crate) fn shrink(case: Case, fails: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut best = case;
    'again: loop {
        for smaller in smaller(&best) {
            if fails(&smaller) {
                best = smaller;
                continue 'again;
            }
        }
        return best;
    }
}

fn smaller(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    for index in 0..case.script.len() {
        let mut less = case.clone();
        less.script.remove(index);
        found.push(less);
    }
    for root in smaller_sups(&case.root) {
        found.push(Case { root, script: case.script.clone() });
    }
    found
}

fn smaller_sups(sup: &Sup) -> Vec<Sup> {
    let mut found = Vec::new();
    for index in 0..sup.children.len() {
        let mut less = sup.clone();
        less.children.remove(index);
        found.push(less);
        let inner = match &sup.children[index].what {
            What::Supervisor(inner) => smaller_sups(inner).into_iter().map(What::Supervisor).collect(),
            What::Worker { id, behaviour, starts } if !starts.is_empty() => {
                vec![What::Worker {
                    id: id.clone(),
                    behaviour: *behaviour,
                    starts: starts[..starts.len() - 1].to_vec(),
                }]
            }
            What::Worker { .. } => Vec::new(),
        };
        for what in inner {
            let mut less = sup.clone();
            less.children[index].what = what;
            found.push(less);
        }
    }
    found
}
