//! The steps of a play, drawn from a seed before it begins.

use std::time::Duration;

use super::upstream::Behaviour;

/// What is done, and how much time is left before the next step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) deed: Deed,
    pub(super) then: Then,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// So many clients ask at once.
    Ask {
        key: usize,
        clients: u8,
        sluggish: bool,
    },
    /// One of those who have not got their end hangs up.
    Leave {
        roll: u64,
        by_reset: bool,
    },
    /// Whoever connects to the upstream from now on gets this.
    Upstream {
        key: usize,
        behaviour: Behaviour,
    },
    /// A process ends, by a fault of its own or killed from outside.
    End {
        key: usize,
        victim: Victim,
        crash: bool,
    },
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    Cache,
    Download,
    /// All downloads at once, with their supervisor.
    Downloads,
    Connection,
}

impl Victim {
    pub(super) fn path(self, key: usize) -> String {
        let branch = ["proxy", "proxy-2"][key];
        let place = match self {
            Self::Cache => "cache",
            Self::Download => "downloads/fetch",
            Self::Downloads => "downloads",
            Self::Connection => "connections/connection",
        };
        format!("{branch}/{place}")
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cache => "crash: cache",
            Self::Download => "crash: download",
            Self::Downloads => "crash: all downloads",
            Self::Connection => "crash: connection",
        }
    }
}

/// Until the next step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// Nothing runs in between.
    AtOnce,
    /// Everything that is ready runs so often.
    Turns(u8),
    /// So much time passes, and all that is due in it happens.
    Pass(Duration),
}

/// So many steps.
pub(super) fn draw(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..steps).map(|_| Step { deed: deed(&mut random), then: then(&mut random) }).collect()
}

fn deed(random: &mut fastrand::Rng) -> Deed {
    let key = random.usize(0..2);
    match random.u8(0..100) {
        0..42 => {
            let clients = if random.u8(0..4) == 0 { random.u8(2..8) } else { 1 };
            Deed::Ask { key, clients, sluggish: random.u8(0..8) == 0 }
        }
        42..56 => Deed::Leave { roll: random.u64(..), by_reset: random.bool() },
        56..74 => {
            // Half of the time it is well, or nothing would ever be kept.
            let well = [Behaviour::Fast, Behaviour::Slow][random.usize(0..2)];
            let any = Behaviour::ALL[random.usize(0..Behaviour::ALL.len())].0;
            Deed::Upstream { key, behaviour: if random.bool() { well } else { any } }
        }
        74..82 => {
            let victim = match random.u8(0..10) {
                0..2 => Victim::Cache,
                2..6 => Victim::Download,
                6 => Victim::Downloads,
                _ => Victim::Connection,
            };
            Deed::End { key, victim, crash: random.bool() }
        }
        _ => Deed::Nothing,
    }
}

fn then(random: &mut fastrand::Rng) -> Then {
    let millis = match random.u8(0..100) {
        0..15 => return Then::AtOnce,
        15..25 => return Then::Turns(random.u8(1..12)),
        25..70 => 5,
        70..84 => random.u64(5..1000),
        84..94 => random.u64(1000..10_000),
        94..99 => random.u64(10_000..130_000),
        _ => random.u64(130_000..400_000),
    };
    Then::Pass(Duration::from_millis(millis))
}
