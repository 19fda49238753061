//! Random programs.

use fastrand::Rng;

use super::program::{Await, Body, Canceller, Op, Program, Ret, Side, Slot};

/// Steps in a program, at most. Longer ones find no more, and shrink slower.
const STEPS: usize = 24;
/// Members of a list, at most.
const MEMBERS: usize = 4;
/// Actions in a callback, at most.
const ACTIONS: usize = 2;

/// The program of a seed: the same seed, the same program.
pub(crate) fn program(seed: u64) -> Program {
    let mut maker = Maker { rng: Rng::with_seed(seed), slots: 0, bodies: 0 };
    let steps = maker.rng.usize(3..=STEPS);
    let ops = (0..steps).map(|_| maker.op()).collect();
    Program { ops }
}

struct Maker {
    rng: Rng,
    slots: usize,
    bodies: usize,
}

impl Maker {
    fn op(&mut self) -> Op {
        if self.slots < 2 || self.rng.usize(..100) < 22 {
            return self.make();
        }
        match self.rng.usize(..100) {
            0..30 => self.add(2),
            30..74 => self.small(),
            74..80 => Op::Advance { seconds: self.rng.u32(0..4) },
            80..88 => {
                let value = self.rng.bool().then(|| self.value());
                Op::Timeout { slot: self.slot(), seconds: self.rng.u32(0..5), value }
            }
            _ => self.make(),
        }
    }

    /// A step that makes no deferred and adds nothing.
    fn small(&mut self) -> Op {
        match self.rng.usize(..100) {
            0..24 => Op::Fire { slot: self.slot(), value: self.value() },
            24..40 => Op::FireError { slot: self.slot(), error: self.error() },
            40..56 => Op::Cancel { slot: self.slot() },
            56..64 => Op::Pause { slot: self.slot() },
            64..74 => Op::Unpause { slot: self.slot() },
            74..88 => Op::Drop { slot: self.slot() },
            88..92 => {
                let (one, two) = (self.slot(), self.slot());
                Op::Chain { slot: one.min(two), to: one.max(two) }
            }
            92..96 => Op::Release { lock: self.rng.usize(..2) },
            _ => Op::Put { value: self.value() },
        }
    }

    fn make(&mut self) -> Op {
        let members = self.slots;
        let slot = self.slots;
        self.slots += 1;
        match self.rng.usize(..100) {
            0..46 => Op::New { slot, canceller: self.canceller() },
            46..52 => Op::Succeed { slot, value: self.value() },
            52..58 => Op::Fail { slot, error: self.error() },
            58..68 => Op::List {
                slot,
                members: self.members(members),
                one_callback: self.rng.u8(..3) == 0,
                one_errback: self.rng.u8(..3) == 0,
                consume: self.rng.bool(),
            },
            68..73 => Op::Gather { slot, members: self.members(members), consume: self.rng.bool() },
            73..80 => Op::Race { slot, members: self.members(members) },
            80..84 => Op::Acquire { slot, lock: self.rng.usize(..2) },
            84..88 => Op::Run { slot, lock: self.rng.usize(..2), body: self.body(1) },
            88..93 => Op::Get { slot },
            _ => {
                let slots = self.members(members);
                let awaits = slots.into_iter().map(|slot| Await { slot, catch: self.rng.bool() }).collect();
                Op::Coroutine { slot, awaits }
            }
        }
    }

    fn add(&mut self, depth: usize) -> Op {
        let slot = self.slot();
        let side = match self.rng.usize(..10) {
            0..4 => Side::Callback,
            4..6 => Side::Errback,
            6..8 => Side::Both,
            _ => Side::Pair,
        };
        let body = self.body(depth);
        let other = (side == Side::Pair).then(|| self.body(depth));
        Op::Add { slot, side, body, other }
    }

    fn body(&mut self, depth: usize) -> Body {
        self.bodies += 1;
        let id = self.bodies;
        let count = if depth > 0 && self.rng.u8(..3) == 0 { self.rng.usize(1..=ACTIONS) } else { 0 };
        let actions = (0..count)
            .map(|_| if depth > 1 && self.rng.u8(..5) == 0 { self.add(depth - 1) } else { self.small() })
            .collect();
        Body { id, actions, ret: self.ret() }
    }

    fn ret(&mut self) -> Ret {
        match self.rng.usize(..100) {
            0..22 => Ret::Pass,
            22..28 => Ret::Nothing,
            28..46 => Ret::Value(self.value()),
            46..56 => Ret::Raise(self.error()),
            56..60 => Ret::Panic(self.error()),
            60..66 => Ret::Failure(self.error()),
            _ => Ret::Wait(self.slot()),
        }
    }

    fn canceller(&mut self) -> Canceller {
        match self.rng.usize(..10) {
            0..5 => Canceller::None,
            5..7 => Canceller::Quiet,
            7 => Canceller::Value(self.value()),
            8 => Canceller::Error(self.error()),
            _ => Canceller::Raise(self.error()),
        }
    }

    fn members(&mut self, below: usize) -> Vec<Slot> {
        let count = self.rng.usize(0..=MEMBERS.min(below));
        (0..count).map(|_| self.rng.usize(..below)).collect()
    }

    fn slot(&mut self) -> Slot {
        self.rng.usize(..self.slots.max(1))
    }

    fn value(&mut self) -> i64 {
        self.rng.i64(0..100)
    }

    fn error(&mut self) -> u32 {
        self.rng.u32(0..100)
    }
}
