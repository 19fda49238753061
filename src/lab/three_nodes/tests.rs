//! The experiment itself is under test here: that the same seed is the same run, that a run meets what it is for, and
//! that a law that is broken is found.

use std::collections::BTreeSet;

use super::*;
use crate::config::Framing;
use crate::event::{Event, Phase};

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
        let runs: Vec<_> = [11, 12, 11].map(|seed| scope.spawn(move || small(seed).run().chronicle.text())).into();
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
            let run = Run::within(&plan, rng, &World::framed(Framing::Raw), storm);
            plan.judge(run).outcome.broken.into_iter().map(|broken| broken.law)
        })
        .collect();
    assert!(found.contains("what is reported whole is the poem"), "{found:?}");
}

#[test]
fn a_connection_of_a_host_that_crashes_is_a_reset_to_its_client() {
    let plan = ThreeNodes { clients: 200, ..small(1) };
    let mut rng = fastrand::Rng::with_seed(1);
    let world = World::framed(Framing::Raw);
    // No storm but one crash of the server.
    let storm = Storm::of([(Duration::from_secs(5), Blow::Crash { host: 0 }), (Duration::from_secs(7), Blow::Bounce { host: 0 })]);
    let _ = rng.bool();
    let trial = plan.judge(Run::within(&plan, rng, &world, storm));
    assert_eq!(trial.outcome.broken, []);
    let records = trial.chronicle.records();
    let crash = records.iter().position(|record| matches!(record.fact, Fact::HostCrashed)).unwrap();
    let got = |record: &crate::lab::Record| match &record.fact {
        Fact::Got { answer: Err(error), .. } => Some(error.clone()),
        _ => None,
    };
    let errors: Vec<_> = records[crash..].iter().filter_map(got).collect();
    assert!(errors.iter().any(|error| error.contains("connection reset")), "{errors:?}");
    assert!(records[..crash].iter().filter_map(got).next().is_none(), "before, all is well");
    let of_server = |record: &&crate::lab::Record| &*record.host == "server" && record.at < Duration::from_secs(7);
    let after = records[crash + 1..].iter().filter(of_server).map(ToString::to_string);
    assert_eq!(after.collect::<Vec<_>>(), [""; 0], "a host that is down says nothing");
    let served = |record: &crate::lab::Record| {
        let closed = matches!(&record.fact, Fact::Node(Event::Connection { phase: Phase::Closed, .. }));
        &*record.host == "server" && closed
    };
    assert!(records[crash..].iter().any(served), "it comes back");
}
