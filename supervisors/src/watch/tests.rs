//! What a node keeps in mind of its processes.

use super::*;

fn turn(serial: u64) -> Turn {
    Turn::of(1, Pid::new(0, 0, serial))
}

#[test]
fn busy_times_of_at_most_so_many_are_kept_and_the_busiest_stay() {
    let watch = Watch::new(None);
    watch.add_busy(turn(1), Duration::from_secs(9));
    for serial in 2..5000 {
        watch.add_busy(turn(serial), Duration::from_millis(100));
    }
    assert_eq!(watch.busy.lock().len(), BUSY);
    assert_eq!(watch.busy(Pid::new(0, 0, 1)), Duration::from_secs(9));
}

#[test]
fn the_pulse_tells_time_and_keeps_what_is_out_of_the_ordinary() {
    let watch = Watch::new(None);
    assert!(!watch.tells_time());
    watch.set_tick(7);
    assert_eq!((watch.tells_time(), watch.tick(), watch.has_abandoned()), (true, Some(7), false));
    watch.note_abandoned();
    watch.set_tick(8);
    assert_eq!((watch.tick(), watch.tick_or(|| 99), watch.has_abandoned()), (None, 8, true));
}

#[test]
fn on_a_paused_clock_nothing_is_watched_and_the_node_tells_the_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let node = Node::new();
        node.watch().meet(&node, &Arc::default(), None);
        tokio::time::sleep(Duration::from_millis(1234)).await;
        assert!(node.watch().tells_time() && node.watch().watched().is_empty());
        assert_eq!(node.stamp(), 1234);
        assert!(node.watch().threads.lock().watchdog.is_none());
    });
}

#[test]
fn a_limit_has_bounds() {
    let limit = |limit| Watchdog::new().limit(limit).limit;
    assert_eq!(Watchdog::new().limit, Some(Duration::from_secs(1)));
    assert_eq!(limit(Duration::ZERO), Some(Duration::from_millis(8)));
    assert_eq!(limit(Duration::MAX), Some(Duration::from_secs(3600)));
}

#[test]
fn a_node_that_nobody_hears_has_no_watchdog_until_one_is_needed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let begun = |node: &Node| {
            node.watch().meet(node, &Arc::default(), None);
            node.watch().threads.lock().watchdog.is_some()
        };
        let quiet = Node::builder().tracing(false).build();
        assert!(!begun(&quiet));
        quiet.watch().is_needed(&quiet);
        assert!(begun(&quiet));
        assert!(begun(&Node::builder().tracing(false).on_event(|_, _| ()).build()), "somebody hears");
        assert!(begun(&Node::builder().tracing(false).watchdog(Watchdog::new()).build()), "it was asked for");
        assert!(!begun(&Node::builder().watchdog(Watchdog::off()).on_event(|_, _| ()).build()));
    });
}
