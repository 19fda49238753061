//! Names that one process frees by dying while another takes them.

use std::sync::Arc;

use shuttle::thread;

use super::{Peer, boom, cell, in_many_orders, node};
use crate::RegisterError;
use crate::process::Object;
use crate::reference::Slot;
use crate::registry::Registry;
use crate::sync::Mutex;

/// OTP-158, OTP-187.
#[test]
fn whoever_hears_of_a_death_finds_the_name_free_or_with_somebody_else() {
    in_many_orders(|| {
        let (node, registry) = (node(), Arc::new(Registry::new()));
        let (old, new) = (cell(&node), cell(&node));
        registry.register("name", &old).expect("free");
        let found = Arc::new(Mutex::new(None));
        let (names, finds) = (Arc::clone(&registry), Arc::clone(&found));
        let watch = old.control.watch(Box::new(move |pid, _| {
            let holder = names.whereis("name").map(|holder| holder.pid());
            *finds.lock() = Some(holder != Some(pid));
        }));
        assert!(watch.is_some());
        let (names, taking) = (Arc::clone(&registry), Arc::clone(&new));
        let taken = thread::spawn(move || names.register("name", &taking));
        assert!(old.declare(boom(), &mut || ()));
        let taken = taken.join().expect("no panic");
        assert_eq!(*found.lock(), Some(true));
        let holder = registry.whereis("name").map(|holder| holder.pid());
        match taken {
            Ok(()) => assert_eq!(holder, Some(new.control.pid)),
            Err(RegisterError::Taken { holder: earlier, .. }) => {
                assert_eq!((earlier.pid(), holder), (old.control.pid, None));
            }
            Err(error) => panic!("{error}"),
        }
    });
}

/// One that dies while it is given a name does not keep it.
#[test]
fn no_name_stays_with_the_dead() {
    in_many_orders(|| {
        let (node, registry) = (node(), Arc::new(Registry::new()));
        let cell = cell(&node);
        let (names, dying) = (Arc::clone(&registry), Arc::clone(&cell));
        let registered = thread::spawn(move || names.register("name", &dying).is_ok());
        cell.declare(boom(), &mut || ());
        registered.join().expect("no panic");
        assert!(registry.whereis("name").is_none());
    });
}

#[test]
fn one_of_two_gets_a_name_and_the_other_is_told_who_has_it() {
    in_many_orders(|| {
        let (node, registry) = (node(), Arc::new(Registry::new()));
        let cells = [cell(&node), cell(&node)];
        let tries = cells.clone().map(|cell| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || registry.register("name", &cell))
        });
        let done = tries.map(|it| it.join().expect("no panic"));
        let winner = done.iter().position(Result::is_ok).expect("somebody got it");
        let Err(RegisterError::Taken { holder, .. }) = &done[1 - winner] else { panic!("{done:?}") };
        assert_eq!(holder.pid(), cells[winner].control.pid);
    });
}

/// A restart: the old one leaves its place, the new one fills it, and whoever looks finds one, the other, or nobody.
#[test]
fn a_slot_that_is_filled_again_is_never_emptied_by_the_one_before() {
    in_many_orders(|| {
        let node = node();
        let (old, new) = (cell(&node), cell(&node));
        let slot = Slot::<Peer>::new();
        assert!(slot.fill(&old).is_ok());
        let (place, looks) = (Arc::clone(&slot), [old.control.pid, new.control.pid]);
        let reader = thread::spawn(move || {
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.push(place.current().map(|cell| cell.control.pid));
            }
            let at = |pid| seen.iter().position(|it| *it == Some(pid));
            assert!(seen.iter().flatten().all(|pid| looks.contains(pid)));
            if let (Some(_), Some(new)) = (at(looks[0]), at(looks[1])) {
                assert!(
                    seen[new..].iter().all(|it| *it == Some(looks[1])),
                    "never back to the old: {seen:?}"
                );
            }
        });
        let (place, taking) = (Arc::clone(&slot), Arc::clone(&new));
        let filling = thread::spawn(move || place.fill(&taking).is_ok());
        old.declare(boom(), &mut || ());
        let filled = filling.join().expect("no panic");
        reader.join().expect("no panic");
        assert_eq!(slot.current().map(|cell| cell.control.pid), filled.then_some(new.control.pid));
    });
}
