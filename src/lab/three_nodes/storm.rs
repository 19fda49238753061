//! The storm: what befalls whom and when, drawn before anything happens.

use std::time::Duration;

use supervisors::lab::{ActorFault, Timetable};

use crate::lab::fault::Odds;

/// One blow of the storm. Hosts: 0 is the server, 1 the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// A process of a node.
    Actor { host: usize, roll: u64, fault: ActorFault },
    /// A whole host.
    Crash { host: usize },
    /// It is there again.
    Bounce { host: usize },
    /// The network, as the proxy and the clients see it.
    Begin { odds: Odds, seeds: [u64; 2] },
    /// It is well again.
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Storm(Timetable<Blow>);

impl Storm {
    /// A storm that is over after `length`; truncations only where they show.
    pub(super) fn draw(rng: &mut fastrand::Rng, length: Duration, truncations: bool) -> Self {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(4);
        let mut blows = Vec::new();
        let at = Duration::from_millis;
        for _ in 0..rng.u32(2..16) {
            let (when, blow) = (rng.u64(..millis), Self::actor(rng));
            blows.push((at(when), blow));
        }
        // Again and again at the same place, so that supervisors give up.
        for _ in 0..rng.u32(..3) {
            let (when, every, blow) = (rng.u64(..millis), rng.u64(10..400), Self::actor(rng));
            let burst =
                (0..rng.u64(3..20)).map(|number| when + number * every).take_while(|when| *when < millis);
            blows.extend(burst.map(|when| (at(when), blow.clone())));
        }
        for host in 0..2 {
            if rng.u8(..3) == 0 {
                let (when, down) = (rng.u64(..millis), rng.u64(..3000));
                blows.push((at(when), Blow::Crash { host }));
                blows.push((at((when + down).min(millis)), Blow::Bounce { host }));
            }
        }
        let mut percent = |most: u8| rng.u8(..=most);
        let odds = Odds {
            refused: percent(10),
            late: percent(15),
            bandwidth: percent(8),
            slow: percent(15),
            sliced: percent(8),
            reset: percent(15),
            truncated: if truncations { percent(15) } else { 0 },
            cut: percent(10),
            within: 20_000,
        };
        let begin = Blow::Begin { odds, seeds: [rng.u64(..), rng.u64(..)] };
        blows.push((at(rng.u64(..millis / 4)), begin));
        blows.push((length, Blow::End));
        Self::of(blows)
    }

    /// A storm of these blows.
    pub(super) fn of(blows: impl IntoIterator<Item = (Duration, Blow)>) -> Self {
        Self(Timetable::new(blows))
    }

    fn actor(rng: &mut fastrand::Rng) -> Blow {
        let fault = ActorFault::ALL[rng.usize(..ActorFault::ALL.len())];
        Blow::Actor { host: rng.usize(..2), roll: rng.u64(..), fault }
    }

    /// The next blow that is due.
    pub(super) fn due(&mut self, now: Duration) -> Option<Blow> {
        self.0.due(now).map(|(_, blow)| blow)
    }
}
