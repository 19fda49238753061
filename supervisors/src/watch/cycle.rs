//! Cycles in who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

/// The cycles among calls, each from its oldest process on: who calls, then whom that one calls, and so on until the
/// last calls the first. One cycle of those that share a process. `calls` is (who waits, for whom).
pub(super) fn cycles(calls: &[(u64, u64)]) -> Vec<Vec<u64>> {
    let mut waits: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut awaited: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for &(caller, callee) in calls {
        waits.entry(caller).or_default().insert(callee);
        awaited.entry(callee).or_default().insert(caller);
    }
    // Whoever waits for nobody will answer; then whoever waits only for those, and so on.
    let mut free: Vec<u64> = awaited.keys().filter(|process| !waits.contains_key(process)).copied().collect();
    let mut found = Vec::new();
    loop {
        while let Some(process) = free.pop() {
            for caller in awaited.remove(&process).unwrap_or_default() {
                if let Some(callees) = waits.get_mut(&caller) {
                    callees.remove(&process);
                    if callees.is_empty() {
                        waits.remove(&caller);
                        free.push(caller);
                    }
                }
            }
        }
        // All that are left wait for somebody who is left: a walk among them must come back to where it was.
        let Some((&first, _)) = waits.first_key_value() else { return found };
        let (mut walk, mut next) = (vec![first], first);
        let cycle = loop {
            let Some(&callee) = waits.get(&next).and_then(BTreeSet::first) else { return found };
            if let Some(at) = walk.iter().position(|&process| process == callee) {
                break walk.split_off(at);
            }
            walk.push(callee);
            next = callee;
        };
        for process in &cycle {
            waits.remove(process);
            free.push(*process);
        }
        let oldest = cycle.iter().enumerate().min_by_key(|(_, process)| **process).map_or(0, |(at, _)| at);
        found.push([&cycle[oldest..], &cycle[..oldest]].concat());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cycle_is_found_among_those_who_only_wait_for_it() {
        assert_eq!(cycles(&[(1, 2), (2, 3)]), Vec::<Vec<u64>>::new());
        assert_eq!(cycles(&[(9, 3), (3, 2), (2, 3), (3, 7), (1, 9)]), [[2, 3]]);
        assert_eq!(cycles(&[(5, 5)]), [[5]]);
        assert_eq!(cycles(&[(4, 5), (5, 6), (6, 4), (1, 2), (2, 1), (8, 1)]), [vec![1, 2], vec![4, 5, 6]]);
    }

    proptest! {
        /// What is found is a cycle, and if nothing is found there is none: then some order has every call going down.
        #[test]
        fn cycles_are_found_exactly_if_there_are_any(
            calls in prop::collection::vec((0..8_u64, 0..8_u64), 0..16)
        ) {
            let found = cycles(&calls);
            for cycle in &found {
                for (at, process) in cycle.iter().enumerate() {
                    prop_assert!(calls.contains(&(*process, cycle[(at + 1) % cycle.len()])));
                }
            }
            let mut left = calls;
            loop {
                let before = left.len();
                let callers: BTreeSet<_> = left.iter().map(|call| call.0).collect();
                left.retain(|call| callers.contains(&call.1));
                if left.len() == before {
                    break;
                }
            }
            prop_assert_eq!(found.is_empty(), left.is_empty());
        }
    }
}
