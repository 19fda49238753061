//! Cases with a theme, so that what chance alone comes to seldom is come to often enough.

use fastrand::Rng;
use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::super::case::{Behaviour, Call, Case, Form, Job, Kid, Reason, Start, Step, Stop, Sup, What};
use super::{Bounds, LABELS, pick, script, tree};

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
const GROUPS: [Strategy; 2] = [Strategy::OneForAll, Strategy::RestForOne];

fn job(rng: &mut Rng, id: &str, starts: Vec<Start>) -> Job {
    let behaviour = pick(rng, &[Behaviour::Plain, Behaviour::Obedient]);
    Job { id: id.to_owned(), behaviour, starts, named: false }
}

fn worker(rng: &mut Rng, id: &str, restart: Restart, starts: Vec<Start>) -> Kid {
    let what = What::Worker(job(rng, id, starts));
    let shutdown = pick(rng, &[Stop::Brutal, Stop::Millis(5000), Stop::Infinity]);
    Kid { restart, significant: false, shutdown, what }
}

fn inner(restart: Restart, significant: bool, sup: Sup) -> Kid {
    Kid { restart, significant, shutdown: Stop::Infinity, what: What::Supervisor(sup) }
}

fn sup(rng: &mut Rng, id: &str, strategy: Strategy, intensity: u32, children: Vec<Kid>) -> Sup {
    let period = pick(rng, &[1, 2, 5]);
    let id = id.to_owned();
    Sup { id, form: Form::Static(strategy), intensity, period, auto: AutoShutdown::Never, children }
}

fn crash(id: &str) -> Step {
    Step::Exit(id.to_owned(), Reason::Boom)
}

/// Siblings that are restarted together, some of which were stopped, some of which fail (OTP-068 to OTP-078, OTP-091 to
/// OTP-095).
pub(super) fn siblings(rng: &mut Rng) -> Case {
    let strategy = if rng.u8(..4) == 0 { Strategy::OneForOne } else { pick(rng, &GROUPS) };
    let ids = ["a", "b", "c", "d"];
    let children = ids.iter().map(|id| {
        let restart =
            pick(rng, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
        let starts = match rng.u8(..6) {
            0..=1 => vec![Start::Ok, pick(rng, &[Start::Fails(Reason::Boom), Start::Raises])],
            2 => vec![Start::Ok, Start::Ignore],
            _ => Vec::new(),
        };
        worker(rng, id, restart, starts)
    });
    let children = children.collect();
    let intensity = pick(rng, &[1, 1, 2, 5, 5]);
    let root = sup(rng, "root", strategy, intensity, children);
    let mut steps = Vec::new();
    for _ in 0..rng.usize(2..=5) {
        let (one, two) = (pick(rng, &ids), pick(rng, &ids));
        steps.push(match rng.u8(..9) {
            0..=2 => crash(one),
            3 => Step::Call(Call::Terminate("root".into(), one.into())),
            4..=5 if one != two => {
                let exits = vec![
                    (one.into(), Reason::Boom),
                    (two.into(), pick(rng, &[Reason::Boom, Reason::Normal])),
                ];
                let stop = Call::Terminate("root".into(), one.into());
                let calls = if rng.bool() { vec![stop] } else { Vec::new() };
                Step::Burst("root".into(), exits, calls)
            }
            6..=7 => {
                let calls = vec![
                    Call::Restart("root".into(), one.into()),
                    pick(
                        rng,
                        &[
                            Call::Terminate("root".into(), one.into()),
                            Call::Delete("root".into(), two.into()),
                        ],
                    ),
                ];
                Step::Retry("root".into(), one.into(), calls)
            }
            _ => Step::Exit(one.into(), pick(rng, &[Reason::Normal, Reason::Shutdown, Reason::Killed])),
        });
    }
    Case { root, script: steps }
}

/// A child whose restart with its siblings fails, once or more often (OTP-091, OTP-092, OTP-095).
pub(super) fn failing_sibling(rng: &mut Rng) -> Case {
    let mut fails = vec![Start::Ok, Start::Fails(Reason::Boom)];
    if rng.u8(..3) == 0 {
        fails.push(Start::Raises);
    }
    let children = vec![
        worker(rng, "a", Restart::Permanent, Vec::new()),
        worker(rng, "b", Restart::Permanent, fails),
        worker(rng, "c", Restart::Transient, Vec::new()),
    ];
    let (strategy, intensity) = (pick(rng, &GROUPS), pick(rng, &[1, 2, 3, 5]));
    let root = sup(rng, "root", strategy, intensity, children);
    let after = Step::Call(Call::Count("root".into()));
    Case { root, script: vec![crash("a"), pick(rng, &[crash("c"), after])] }
}

/// Crashes as far apart as decides (OTP-079 to OTP-087).
pub(super) fn window(rng: &mut Rng) -> Case {
    let children = vec![
        worker(rng, "a", Restart::Permanent, Vec::new()),
        worker(rng, "b", Restart::Transient, Vec::new()),
        worker(rng, "c", Restart::Temporary, Vec::new()),
    ];
    let mut root = sup(rng, "root", Strategy::OneForOne, 1, children);
    root.period = pick(rng, &[1, 1, 2, 5]);
    let period = root.period * 1000;
    let mut script = vec![Step::Advance(rng.u64(0..2000))];
    for _ in 0..rng.usize(2..=5) {
        script.push(crash("a"));
        let gap = match rng.u8(..6) {
            0 => period,
            1 => period + 1000,
            2..=3 => period + rng.u64(1..1000),
            4 => period + 1000 + rng.u64(0..500),
            _ => rng.u64(0..period),
        };
        script.push(Step::Advance(gap));
        match rng.u8(..6) {
            0 => script.push(Step::Exit("b".into(), Reason::Normal)),
            1 => script.push(Step::Exit("c".into(), Reason::Boom)),
            2 => script.push(Step::Call(Call::Terminate("root".into(), "b".into()))),
            3 => script.push(Step::Call(Call::Restart("root".into(), "b".into()))),
            _ => {}
        }
    }
    Case { root, script }
}

/// Significant children, below the root or one further down (section M).
pub(super) fn significant(rng: &mut Rng) -> Case {
    let strategy = if rng.bool() { Strategy::OneForAll } else { pick_strategy(rng) };
    let auto = pick(
        rng,
        &[AutoShutdown::AnySignificant, AutoShutdown::AllSignificant, AutoShutdown::AllSignificant],
    );
    let ids = ["a", "b", "c"];
    let children = ids.iter().map(|id| {
        let restart =
            pick(rng, &[Restart::Transient, Restart::Transient, Restart::Temporary, Restart::Permanent]);
        let starts = if rng.u8(..3) == 0 { vec![Start::Ignore] } else { Vec::new() };
        let mut kid = worker(rng, id, restart, starts);
        kid.significant = restart != Restart::Permanent && rng.u8(..4) > 0;
        kid
    });
    let children = children.collect();
    let mut root = sup(rng, "root", strategy, 1, children);
    root.auto = auto;
    if rng.bool() {
        root.id = "s".to_owned();
        root.intensity = rng.u32(..2);
        let restart =
            pick(rng, &[Restart::Transient, Restart::Transient, Restart::Temporary, Restart::Permanent]);
        let significant = restart != Restart::Permanent && rng.u8(..4) > 0;
        let children =
            vec![worker(rng, "d", Restart::Permanent, Vec::new()), inner(restart, significant, root)];
        let intensity = rng.u32(..3);
        let strategy = pick_strategy(rng);
        root = sup(rng, "root", strategy, intensity, children);
        root.auto = pick(rng, &[AutoShutdown::AnySignificant, AutoShutdown::AllSignificant]);
    }
    let under = if root.children.len() == 2 { "s" } else { "root" };
    let mut script = Vec::new();
    for _ in 0..rng.usize(1..=5) {
        let id = pick(rng, &ids);
        script.push(match rng.u8(..7) {
            0 => Step::Call(Call::Terminate(under.into(), id.into())),
            1 => Step::Call(Call::Restart(under.into(), id.into())),
            2 => crash(id),
            _ => Step::Exit(id.into(), pick(rng, &[Reason::Normal, Reason::Shutdown, Reason::ShutdownX])),
        });
    }
    Case { root, script }
}

fn pick_strategy(rng: &mut Rng) -> Strategy {
    pick(rng, &STRATEGIES)
}

/// Requests about few children, again and again (sections D to F).
pub(super) fn requests(rng: &mut Rng) -> Case {
    let ids = ["a", "b"];
    let mut children: Vec<_> = ids.iter().map(|id| some_worker(rng, id)).collect();
    children.push(worker(rng, "c", Restart::Permanent, Vec::new()));
    let strategy = pick_strategy(rng);
    let root = sup(rng, "root", strategy, 3, children);
    let mut script = Vec::new();
    for _ in 0..rng.usize(4..=10) {
        let id = pick(rng, &ids).to_owned();
        let root = "root".to_owned();
        script.push(match rng.u8(..16) {
            0..=3 => Step::Call(Call::Terminate(root, id)),
            4..=6 => Step::Call(Call::Restart(root, id)),
            7..=8 => Step::Call(Call::Delete(root, id)),
            9..=11 => {
                let kid = some_worker(rng, &id);
                Step::Call(Call::Start(root, Box::new(kid)))
            }
            12 => Step::Squat(id),
            13 => Step::Vacate(id),
            14 => Step::Call(pick(rng, &[Call::Spec(root.clone(), id.clone()), Call::Which(root, id)])),
            _ => {
                let stop = Call::Terminate(root.clone(), id.clone());
                Step::Retry(root, id, vec![stop])
            }
        });
    }
    Case { root, script }
}

/// Of any restart type, with a name now and then, and not always well when it is started again.
fn some_worker(rng: &mut Rng, id: &str) -> Kid {
    let restart =
        pick(rng, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let starts = match rng.u8(..5) {
        0..=1 => {
            vec![Start::Ok, Start::Fails(Reason::Boom), Start::Fails(Reason::Boom), Start::Ok, Start::Ignore]
        }
        2 => vec![Start::Ignore, pick(rng, &[Start::Ignore, Start::Fails(Reason::Boom)])],
        _ => Vec::new(),
    };
    let mut kid = worker(rng, id, restart, starts);
    if let What::Worker(job) = &mut kid.what {
        job.named = rng.bool();
    }
    kid
}

/// Starts that come to something else than a child, at first and by request (sections B to D).
pub(super) fn births(rng: &mut Rng) -> Case {
    let ids = ["a", "b", "c"];
    let bad = rng.usize(..4);
    let mut children = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        // Most trees come up.
        let fails = rng.u8(..4) == 0;
        let starts = if number == bad { vec![odd_start(rng, fails)] } else { Vec::new() };
        let restart =
            pick(rng, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
        children.push(worker(rng, id, restart, starts));
    }
    if rng.u8(..4) == 0 {
        let starts = if rng.bool() { vec![Start::Fails(Reason::Boom)] } else { Vec::new() };
        let deep = worker(rng, "d", Restart::Permanent, starts);
        let deep = sup(rng, "s", Strategy::OneForOne, 1, vec![deep]);
        children.insert(rng.usize(..3), inner(Restart::Permanent, false, deep));
    }
    let strategy = pick_strategy(rng);
    let root = sup(rng, "root", strategy, 2, children);
    let mut script = Vec::new();
    for _ in 0..rng.usize(1..=6) {
        let id = pick(rng, &["e", "e", "f"]);
        let mut starts = Vec::new();
        if rng.u8(..3) == 0 {
            starts.push(odd_start(rng, true));
        }
        let restart = pick_restart(rng);
        let mut kid = worker(rng, id, restart, starts);
        kid.significant = rng.u8(..4) == 0;
        if rng.u8(..3) == 0 {
            script.push(Step::Squat(id.to_owned()));
            if let What::Worker(job) = &mut kid.what {
                *job = Job { named: true, starts: Vec::new(), ..job.clone() };
            }
        }
        script.push(Step::Call(Call::Start("root".into(), Box::new(kid))));
        if rng.bool() {
            script.push(Step::Exit(id.to_owned(), pick(rng, &[Reason::Normal, Reason::Boom])));
        }
    }
    Case { root, script }
}

fn pick_restart(rng: &mut Rng) -> Restart {
    pick(
        rng,
        &[Restart::Permanent, Restart::Transient, Restart::Temporary, Restart::Temporary, Restart::Temporary],
    )
}

fn odd_start(rng: &mut Rng, may_fail: bool) -> Start {
    if !may_fail {
        return pick(rng, &[Start::Ignore, Start::Dies(Reason::Boom), Start::Dies(Reason::Normal)]);
    }
    pick(
        rng,
        &[
            Start::Ignore,
            Start::Fails(Reason::Boom),
            Start::Raises,
            Start::Links(Reason::Boom),
            Start::Links(Reason::Shutdown),
            Start::Asks,
        ],
    )
}

/// A supervisor of a template, as the root or below it (section L).
pub(super) fn template(rng: &mut Rng) -> Case {
    let below = rng.bool();
    let id = if below { "s" } else { "root" };
    let mut sup = tree::template(rng, id, "p");
    sup.intensity = pick(rng, &[1, 1, 2, 3]);
    if let What::Worker(job) = &mut sup.children[0].what
        && rng.u8(..3) == 0
    {
        job.starts = vec![Start::Ok, Start::Ignore];
    }
    let mut script =
        vec![Step::Call(Call::Add(id.into(), "x".into())), Step::Call(Call::Add(id.into(), "y".into()))];
    for _ in 0..rng.usize(2..=8) {
        let (sup, child) = (id.to_owned(), format!("p{}", pick(rng, &LABELS)));
        script.push(match rng.u8(..14) {
            0..=1 => Step::Call(Call::Add(sup, pick(rng, &LABELS).to_owned())),
            2..=5 => {
                Step::Exit(child, pick(rng, &[Reason::Boom, Reason::Boom, Reason::Killed, Reason::Normal]))
            }
            6 => Step::Call(Call::TerminatePid(sup, child)),
            7 => Step::Call(Call::Terminate(sup, child)),
            8 => Step::Call(Call::Count(sup)),
            9 => Step::Call(Call::SpecPid(sup, child)),
            10 => Step::Call(Call::Spec(sup, pick(rng, &["p", "q"]).to_owned())),
            11 => Step::Call(Call::Restart(sup, child)),
            12 => Step::Call(Call::Delete(sup, child)),
            _ => {
                let calls = vec![Call::Count(sup.clone()), Call::TerminatePid(sup.clone(), child.clone())];
                Step::Retry(sup, child, calls)
            }
        });
    }
    if !below {
        return Case { root: sup, script };
    }
    let strategy = pick_strategy(rng);
    let children =
        vec![worker(rng, "a", Restart::Permanent, Vec::new()), inner(Restart::Permanent, false, sup)];
    Case { root: self::sup(rng, "root", strategy, 1, children), script }
}

/// Supervisors within supervisors, that are killed, give up, and have had children added (section N).
pub(super) fn nested(rng: &mut Rng) -> Case {
    let bounds = Bounds { kills: true };
    let deep = sup_of(rng, "t", &["c"], Vec::new());
    let below = if rng.bool() { vec![inner(Restart::Permanent, false, deep)] } else { Vec::new() };
    let restart =
        pick(rng, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let one = inner(restart, false, sup_of(rng, "s", &["a", "b"], below));
    let two = inner(Restart::Permanent, false, sup_of(rng, "v", &["d"], Vec::new()));
    let strategy = pick(rng, &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]);
    let intensity = pick(rng, &[1, 3, 5]);
    let root = sup(rng, "root", strategy, intensity, vec![one, two]);
    let mut script = Vec::new();
    for _ in 0..rng.usize(2..=6) {
        script.push(match rng.u8(..9) {
            0..=1 => Step::Kill(pick(rng, &["s", "t", "v", "s"]).to_owned()),
            2..=4 => {
                let id = pick(rng, &["e", "f"]);
                let kid = worker(rng, id, Restart::Permanent, Vec::new());
                Step::Call(Call::Start("s".into(), Box::new(kid)))
            }
            5 => script::step(rng, bounds, &root),
            _ => crash(pick(rng, &["a", "b", "a", "b", "c", "d"])),
        });
    }
    Case { root, script }
}

fn sup_of(rng: &mut Rng, id: &str, workers: &[&str], below: Vec<Kid>) -> Sup {
    let mut children: Vec<_> =
        workers.iter().map(|id| worker(rng, id, Restart::Permanent, Vec::new())).collect();
    children.extend(below);
    let strategy = if rng.bool() { Strategy::OneForOne } else { pick(rng, &GROUPS) };
    let intensity = rng.u32(..2);
    sup(rng, id, strategy, intensity, children)
}
