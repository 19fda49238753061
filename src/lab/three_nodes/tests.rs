//! The experiment itself is under test here: that the same seed is the same run, that a run meets what it is for, and
//! that a law that is broken is found.

use std::collections::BTreeSet;

use super::*;
use crate::config::Framing;
use crate::event::{Event, Phase};
use crate::lab::Record;

fn small(seed: u64) -> ThreeNodes {
    ThreeNodes { clients: 40, storm: Duration::from_secs(10), ..ThreeNodes::new(seed) }
}

#[test]
fn the_same_seed_is_the_same_chronicle_byte_for_byte_and_another_is_another() {
    let (first, second) = (small(7).run(), small(7).run());
    assert_eq!(first.outcome.broken, []);
    assert_eq!(first.chronicle.text(), second.chronicle.text());
    assert_ne!(first.chronicle.text(), small(8).run().chronicle.text());
}

#[test]
fn the_same_seed_is_the_same_on_another_thread_beside_other_runs() {
    let here = small(11).run().chronicle.text();
    let others = std::thread::scope(|scope| {
        let runs: Vec<_> =
            [11, 12, 11].map(|seed| scope.spawn(move || small(seed).run().chronicle.text())).into();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(others[0] == here && others[2] == here && others[1] != here);
}

/// Over raw poems, a storm that truncates: what the framing cannot tell, the laws must.
#[test]
fn a_truncation_that_no_framing_shows_breaks_a_law_and_is_found() {
    let found: BTreeSet<_> = (1..=5)
        .flat_map(|seed| {
            let plan = small(seed);
            let mut rng = fastrand::Rng::with_seed(seed);
            let storm = Storm::draw(&mut rng, plan.storm, true);
            let run = Run::within(&plan, rng, &World::framed(Framing::Raw), storm, None);
            plan.judge(run).outcome.broken.into_iter().map(|broken| broken.law)
        })
        .collect();
    assert!(found.contains("what is reported whole is the poem"), "{found:?}");
}

#[test]
fn a_host_that_crashes_resets_its_clients_says_nothing_more_and_comes_back() {
    let plan = ThreeNodes { clients: 200, ..small(1) };
    // No storm, but the server crashes four times, for 300 ms.
    let crashes = (1..=4).map(|crash| Duration::from_secs(2 * crash));
    let blows = crashes.flat_map(|at| {
        [(at, Blow::Crash { host: 0 }), (at + Duration::from_millis(300), Blow::Bounce { host: 0 })]
    });
    let (rng, world) = (fastrand::Rng::with_seed(1), World::framed(Framing::Raw));
    let trial = plan.judge(Run::within(&plan, rng, &world, Storm::of(blows), None));
    assert_eq!(trial.outcome.broken, []);
    let records = trial.chronicle.records();
    let first = records.iter().position(|record| matches!(record.fact, Fact::HostCrashed)).unwrap();
    let error = |record: &Record| match &record.fact {
        Fact::Got { answer: Err(error), .. } => Some(error.clone()),
        _ => None,
    };
    assert_eq!(records[..first].iter().find_map(error), None, "before, all is well");
    let errors: Vec<_> = records[first..].iter().filter_map(error).collect();
    assert!(errors.iter().any(|error| error.contains("connection reset")), "{errors:?}");
    let of_server: Vec<_> = records[first..].iter().filter(|record| &*record.host == "server").collect();
    for pair in of_server.windows(2).filter(|pair| matches!(pair[0].fact, Fact::HostCrashed)) {
        assert!(matches!(pair[1].fact, Fact::Born(_)), "a host that is down says: {}", pair[1]);
    }
    let closed =
        |record: &&Record| matches!(record.fact, Fact::Node(Event::Connection { phase: Phase::Closed, .. }));
    assert!(of_server.into_iter().any(|record| closed(&record)), "it comes back");
}
