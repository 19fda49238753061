//! Makes a program that shows a difference as short as it can while the difference stays.

use super::program::{Body, Canceller, Op, Program, Ret};

/// Programs tried at most: a bound, since each is run on both sides.
const TRIES: usize = 4_000;

/// The shortest program found for which `differs` still holds.
pub(crate) fn shrink(program: &Program, mut differs: impl FnMut(&Program) -> bool) -> Program {
    let mut best = program.clone();
    let mut tries = 0;
    'again: loop {
        for smaller in smaller(&best) {
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if differs(&smaller) {
                best = smaller;
                continue 'again;
            }
        }
        return best;
    }
}

/// Programs a little smaller, the boldest cuts first.
fn smaller(program: &Program) -> Vec<Program> {
    let ops = &program.ops;
    let mut all = Vec::new();
    let mut width = ops.len() / 2;
    while width > 0 {
        for from in (0..ops.len()).step_by(width) {
            let mut fewer = ops.clone();
            fewer.drain(from..(from + width).min(ops.len()));
            all.push(Program { ops: fewer });
        }
        width /= 2;
    }
    for (at, op) in ops.iter().enumerate() {
        for simpler in simpler_op(op) {
            let mut changed = ops.clone();
            changed[at] = simpler;
            all.push(Program { ops: changed });
        }
    }
    all
}

fn simpler_op(op: &Op) -> Vec<Op> {
    match op {
        Op::New { slot, canceller } if *canceller != Canceller::None => {
            vec![Op::New { slot: *slot, canceller: Canceller::None }]
        }
        Op::Add { slot, side, body, other } => {
            let with = |body: Body, other: Option<Body>| Op::Add { slot: *slot, side: *side, body, other };
            let mut all: Vec<_> =
                simpler_body(body).into_iter().map(|body| with(body, other.clone())).collect();
            if let Some(other) = other {
                all.extend(simpler_body(other).into_iter().map(|other| with(body.clone(), Some(other))));
            }
            all
        }
        Op::Run { slot, lock, body } => {
            simpler_body(body).into_iter().map(|body| Op::Run { slot: *slot, lock: *lock, body }).collect()
        }
        Op::List { slot, members, one_callback, one_errback, consume } => fewer(members)
            .into_iter()
            .map(|members| Op::List {
                slot: *slot,
                members,
                one_callback: *one_callback,
                one_errback: *one_errback,
                consume: *consume,
            })
            .collect(),
        Op::Gather { slot, members, consume } => fewer(members)
            .into_iter()
            .map(|members| Op::Gather { slot: *slot, members, consume: *consume })
            .collect(),
        Op::Race { slot, members } => {
            fewer(members).into_iter().map(|members| Op::Race { slot: *slot, members }).collect()
        }
        Op::Coroutine { slot, awaits } => {
            fewer(awaits).into_iter().map(|awaits| Op::Coroutine { slot: *slot, awaits }).collect()
        }
        Op::Timeout { slot, seconds, value: Some(_) } => {
            vec![Op::Timeout { slot: *slot, seconds: *seconds, value: None }]
        }
        _ => Vec::new(),
    }
}

fn simpler_body(body: &Body) -> Vec<Body> {
    let mut all: Vec<_> =
        fewer(&body.actions).into_iter().map(|actions| Body { actions, ..body.clone() }).collect();
    for (at, action) in body.actions.iter().enumerate() {
        for simpler in simpler_op(action) {
            let mut changed = body.clone();
            changed.actions[at] = simpler;
            all.push(changed);
        }
    }
    if body.ret != Ret::Pass {
        all.push(Body { ret: Ret::Pass, ..body.clone() });
    }
    all
}

/// All lists with one less.
fn fewer<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    (0..all.len())
        .map(|at| {
            let mut rest = all.to_vec();
            rest.remove(at);
            rest
        })
        .collect()
}
