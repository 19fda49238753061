//! Names, monitors, timers, and oneself.

use super::*;

/// OTP-162.
#[test]
fn a_monitor_by_name_tells_the_name_and_resolves_it_once() {
    run(async |rig| {
        let (watcher, _) = rig.running().await;
        rig.node.monitor("nobody", &watcher);
        let first = rig.node.spawn_named("name", rig.server()).expect("free").process().expect("it runs");
        let monitor = rig.node.monitor("name", &watcher);
        first.kill();
        first.exited().await;
        let second = rig.node.spawn_named("name", rig.server()).expect("free again").process();
        settle().await;
        rig.log.lock().retain(|said| said.starts_with("down"));
        let expected = [
            "down: Some(\"nobody\") <0.0> no such process".to_owned(),
            format!("down: Some(\"name\") {} killed", first.pid()),
        ];
        assert_eq!(rig.seen(), expected);
        assert!(!monitor.demonitor(), "it has fired");
        second.expect("it runs").kill();
        settle().await;
        assert!(
            rig.seen().iter().all(|said| !said.starts_with("down")),
            "the next who has it is not watched"
        );
    });
}

/// OTP-168.
#[test]
fn a_timer_is_cancelled_once_and_finds_the_name_when_it_fires() {
    run(async |rig| {
        let named = rig.node.named::<Server>("name").expect("free");
        let cancelled = named.send_after(say("never"), 3 * SECOND);
        tokio::time::sleep(SECOND).await;
        assert_eq!(cancelled.cancel(), Some(2 * SECOND));
        assert_eq!((cancelled.cancel(), cancelled.remaining()), (None, None));
        let fires = named.send_after(say("hello"), SECOND);
        let _server = rig.node.spawn_named("name", rig.server()).expect("free");
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(rig.seen(), ["started", "hello"]);
        assert_eq!(fires.cancel(), None, "it has fired");
        let (dead, process) = rig.running().await;
        process.kill();
        process.exited().await;
        let _ = dead.send_after(say("lost"), SECOND);
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(rig.seen(), [""; 0]);
    });
}

#[test]
fn an_actor_can_hand_out_itself_and_that_reference_ends_with_it() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        let told = Arc::new(Mutex::new(None));
        let own = Arc::clone(&told);
        let ask = order(move |_, ctx| {
            assert_eq!(this_process(), ctx.myself().and_then(|me| me.process()));
            *own.lock() = ctx.myself();
        });
        server.call(ask).await.expect("it lives");
        let me = told.lock().take().expect("it is a process");
        assert_eq!(me.call(say("here")).await, Ok(7));
        process.kill();
        process.exited().await;
        assert_eq!(me.call(say("gone")).await, Err(CallError::NoProc));
    });
}

/// OTP-186, and OTP-188: a process may have several names.
#[test]
fn a_name_has_one_process_at_a_time_and_a_process_any_number_of_names() {
    run(async |rig| {
        let ((one, first), (two, second)) = (rig.running().await, rig.running().await);
        assert_eq!(rig.node.register("name", &one), Ok(()));
        let taken = Err(RegisterError::Taken { name: "name".into(), holder: first.clone() });
        assert_eq!(rig.node.register("name", &two), taken);
        assert_eq!(rig.node.register("name", &one), taken, "also by the same");
        assert_eq!(rig.node.register("other", &one), Ok(()));
        assert_eq!(
            (rig.node.whereis("name"), rig.node.whereis("other")),
            (Some(first.clone()), Some(first.clone()))
        );
        assert_eq!(rig.node.unregister("name"), Ok(()));
        let unknown = Err(RegisterError::Unknown { name: "name".into() });
        assert_eq!(rig.node.unregister("name"), unknown);
        assert_eq!(rig.node.unregister("never"), Err(RegisterError::Unknown { name: "never".into() }));
        assert_eq!(rig.node.register("name", &two), Ok(()), "free for another");
        first.kill();
        first.exited().await;
        assert_eq!((rig.node.whereis("name"), rig.node.whereis("other")), (Some(second), None));
        assert!(matches!(rig.node.register("late", &one), Err(RegisterError::Dead { .. })));
    });
}

/// OTP-165: of one death the exit signal is heard before the `Down`. Of two senders no order is promised.
#[test]
fn the_exit_of_a_link_comes_before_the_down_of_a_monitor() {
    run(async |rig| {
        for _ in 0..100 {
            let ((watcher, watching), (_, dying)) = (rig.running().await, rig.running().await);
            watcher.call(order(|_, ctx| ctx.trap_exit(true))).await.expect("it lives");
            dying.monitor(&watcher);
            dying.link(&watching);
            dying.kill();
            dying.exited().await;
            settle().await;
            let seen = rig.seen();
            assert!(
                seen[0].starts_with("exit") && seen[1].starts_with("down") && seen.len() == 2,
                "{seen:?}"
            );
        }
    });
}
