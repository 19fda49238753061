//! How a server starts, or does not.

use super::*;

/// OTP-179.
#[test]
fn a_start_that_fails_ignores_or_panics_is_told_and_frees_its_name() {
    run(async |rig| {
        let ignores = ChildSpec::<Server>::fallible("s", || Err(StartError::Ignore)).named("name");
        assert!(rig.node.start(ignores).await.expect("no failure").is_none());
        let boom = || ExitReason::failed("boom");
        let fails = ChildSpec::<Server>::fallible("s", move || Err(StartError::Failed(boom()))).named("name");
        assert_eq!(rig.node.start(fails).await.err(), Some(boom()));
        let log = Arc::clone(&rig.log);
        let stops = ChildSpec::new("s", move || {
            let begin: Order = Box::new(|_, ctx| ctx.exit(ExitReason::failed("boom")));
            Server { log: Arc::clone(&log), begin: Some(begin) }
        });
        assert_eq!(rig.node.start(stops.named("name")).await.err(), Some(boom()));
        let panics = ChildSpec::new("s", || -> Server { panic!("as asked") }).named("name");
        assert!(matches!(rig.node.start(panics).await, Err(ExitReason::Panicked { .. })));
        let log = Arc::clone(&rig.log);
        let starts = ChildSpec::new("s", move || Server { log: Arc::clone(&log), begin: None }).named("name");
        let server = rig.node.start(starts).await.expect("the name is free").expect("it runs");
        assert_eq!(server.call(say("here")).await, Ok(7));
    });
}

/// OTP-180: and no exit signal reaches the parent.
#[test]
fn a_start_that_takes_too_long_is_given_up() {
    run(async |rig| {
        struct Half(Log);
        impl Drop for Half {
            fn drop(&mut self) {
                self.0.lock().push("half dropped".to_owned());
            }
        }
        let (parent, _) = rig.running().await;
        let (node, log) = (rig.node.clone(), Arc::clone(&rig.log));
        let start = order(move |server, ctx| {
            ctx.trap_exit(true);
            let spec = ChildSpec::<Server>::starting("slow", move || {
                let half = Half(Arc::clone(&log));
                async move {
                    tokio::time::sleep(60 * SECOND).await;
                    drop(half);
                    Err(StartError::Ignore)
                }
            });
            let spec = spec.start_within(2 * SECOND);
            let starting = async move { node.start_link(spec).await.err() };
            ctx.spawn(starting.into_actor(server).map(|error, server, _| server.say(format!("{error:?}"))));
        });
        parent.call(start).await.expect("it lives");
        let begun = Instant::now();
        tokio::time::sleep(2 * SECOND + SECOND / 10).await;
        assert_eq!(rig.seen(), ["half dropped", "Some(Timeout)"], "after {:?}", begun.elapsed());
    });
}

/// OTP-185: and no exit signal.
#[test]
fn a_start_under_a_taken_name_names_the_holder() {
    run(async |rig| {
        let holder = rig.node.spawn_named("name", rig.server()).expect("free").process().expect("it runs");
        let taken = RegisterError::Taken { name: "name".into(), holder: holder.clone() };
        assert_eq!(rig.node.spawn_named("name", rig.server()).err(), Some(taken));
        let (parent, _) = rig.running().await;
        let (node, log) = (rig.node.clone(), Arc::clone(&rig.log));
        let start = order(move |server, ctx| {
            ctx.trap_exit(true);
            let spec = ChildSpec::new("s", move || Server { log: Arc::clone(&log), begin: None });
            let starting = async move { node.start_link(spec.named("name")).await.err() };
            ctx.spawn(starting.into_actor(server).map(|error, server, _| server.say(format!("{error:?}"))));
        });
        parent.call(start).await.expect("it lives");
        settle().await;
        let expected = format!("{:?}", Some(ExitReason::AlreadyStarted(holder.pid())));
        assert_eq!(rig.seen(), [expected]);
    });
}

/// OTP-156, OTP-160: `spawn_opt` does all at once.
#[test]
fn a_process_can_be_linked_monitored_named_and_bounded_before_it_runs() {
    run(async |rig| {
        let (parent, above) = rig.running().await;
        parent.call(order(|_, ctx| ctx.trap_exit(true))).await.expect("it lives");
        let child = rig.beginning(|_, _| panic!("at once"));
        let (node, watcher) = (rig.node.clone(), parent.clone());
        let spawn = order(move |server, _| {
            let options = SpawnOptions::new().link().monitored_by(&watcher).named("name").mailbox(1);
            let spawned = node.spawn_opt(child, options).expect("free");
            assert!(spawned.monitor.is_some());
            assert_eq!(spawned.reference.try_cast(say("one")), Ok(()));
            assert_eq!(spawned.reference.try_cast(say("too many")), Err(CallError::Overloaded));
            assert_eq!(node.whereis("name"), spawned.reference.process());
            server.say("spawned");
        });
        parent.call(spawn).await.expect("it lives");
        settle().await;
        let seen = rig.seen();
        assert_eq!(seen.len(), 3, "{seen:?}");
        assert!(seen[1].starts_with("exit: panicked") && seen[2].starts_with("down: None"), "{seen:?}");
        assert!(above.is_alive() && rig.node.whereis("name").is_none());
        drop(rig.node.spawn_named("name", rig.server()).expect("free again"));
        let taken = rig.node.spawn_opt(rig.server(), SpawnOptions::new().named("name"));
        assert!(matches!(taken, Err(RegisterError::Taken { .. })));
    });
}

/// OTP-156, OTP-181: started linked, each hears of the other's end.
#[test]
fn what_is_started_linked_ends_with_its_parent_and_is_heard_by_it() {
    run(async |rig| {
        for child_first in [true, false] {
            let (parent, above) = rig.running().await;
            let (node, log, born) = (rig.node.clone(), Arc::clone(&rig.log), Arc::new(Mutex::new(None)));
            let told = Arc::clone(&born);
            let start = order(move |server, ctx| {
                ctx.trap_exit(true);
                let spec = ChildSpec::new("s", move || Server { log: Arc::clone(&log), begin: None });
                let starting = async move { *told.lock() = node.start_link(spec).await.expect("it starts") };
                ctx.spawn(starting.into_actor(server));
            });
            parent.call(start).await.expect("it lives");
            settle().await;
            let child = born.lock().take().expect("it does not ignore").process().expect("it runs");
            assert_eq!(rig.seen(), ["started"]);
            if child_first {
                child.exit(ExitReason::failed("boom"));
                child.exited().await;
                settle().await;
                assert_eq!(rig.seen(), ["exit: boom"]);
            } else {
                above.kill();
                assert_eq!(child.exited().await, ExitReason::Killed);
            }
        }
    });
}
