//! The experiment itself is under test here: that it is the same for the same seed.

use super::*;

fn small(seed: u64) -> ThreeNodes {
    ThreeNodes { clients: 40, storm: Duration::from_secs(10), ..ThreeNodes::new(seed) }
}

#[test]
fn the_same_seed_is_the_same_chronicle_byte_for_byte() {
    let (first, second) = (small(7).run(), small(7).run());
    assert_eq!(first.outcome.broken, []);
    assert_eq!(first.chronicle.text(), second.chronicle.text());
    assert_ne!(first.chronicle.text(), small(8).run().chronicle.text());
}
