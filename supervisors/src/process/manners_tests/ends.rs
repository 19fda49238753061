//! How a server ends, and who hears of it.

use std::sync::mpsc;
use std::task::Poll;

use tokio::sync::oneshot;

use super::*;

/// OTP-171: even a normal end is told.
#[test]
fn the_end_of_a_callee_during_the_call_is_the_answer() {
    run(async |rig| {
        for reason in
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::failed("boom"), ExitReason::Killed]
        {
            let (server, process) = rig.running().await;
            let call = server.call(Later);
            settle().await;
            match reason {
                ExitReason::Killed => process.kill(),
                _ => {
                    let reason = reason.clone();
                    server.cast(order(move |_, ctx| ctx.exit(reason)));
                }
            }
            assert_eq!(call.await, Err(CallError::Exit(reason)));
        }
    });
}

/// OTP-172.
#[test]
fn a_crash_is_told_to_the_actor_that_wants_to_know_and_a_kill_never() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        let watched = order(|_, ctx| ctx.on_panic(|server, reason| server.say(format!("crashed: {reason}"))));
        server.call(watched).await.expect("it lives");
        let answer = server.call(order(|_, _| panic!("as asked"))).await;
        let reason = process.exited().await;
        assert_eq!(answer, Err(CallError::Exit(reason.clone())));
        let place = format!("{reason}");
        assert!(place.starts_with("panicked at ") && place.contains("manners_tests/ends.rs"), "{place}");
        assert_eq!(rig.seen(), [format!("crashed: {reason}")], "and nothing else of it runs");

        let (server, process) = rig.running().await;
        let panics = order(|_, ctx| ctx.on_panic(|_, _| panic!("again")));
        server.call(panics).await.expect("it lives");
        server.cast(order(|_, _| panic!("as asked")));
        assert!(process.exited().await.to_string().ends_with("as asked"), "the first panic is the reason");

        let (server, process) = rig.running().await;
        let watched = order(|_, ctx| ctx.on_panic(|server, _| server.say("crashed")));
        server.call(watched).await.expect("it lives");
        process.kill();
        assert_eq!(process.exited().await, ExitReason::Killed);
        assert_eq!(rig.seen(), [""; 0], "neither `stopped()` nor anything else");
    });
}

/// OTP-174.
#[test]
fn a_server_that_answers_and_stops_terminates_before_its_caller_goes_on() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        let answer = server.call(order(|_, ctx| ctx.exit(ExitReason::failed("done")))).await;
        rig.log.lock().push("answered".to_owned());
        assert_eq!(answer, Ok(7), "the answer comes though it has ended");
        assert_eq!(process.exited().await, ExitReason::failed("done"));
        assert_eq!(rig.seen(), ["terminate: done", "answered"]);
    });
}

/// OTP-174, seen from another thread, which could get the answer before.
#[test]
fn no_caller_anywhere_has_the_answer_of_a_stopping_server_before_it_has_terminated() {
    /// Answers and stops, and takes its time.
    struct Leaving(Option<(oneshot::Sender<()>, mpsc::Receiver<()>)>);
    impl Actor for Leaving {
        type Context = Context<Self>;
        fn stopped(&mut self, _: &mut Self::Context) {
            let (entered, release) = self.0.take().expect("it stops once");
            entered.send(()).expect("somebody waits");
            release.recv().expect("somebody lets it go on");
        }
    }
    impl Handler<Later> for Leaving {
        type Result = MessageResult<Later>;
        fn handle(&mut self, _: Later, ctx: &mut Self::Context) -> Self::Result {
            ctx.stop();
            MessageResult("bye")
        }
    }
    System::new().block_on(async {
        let (arbiter, node) = (Arbiter::new(), Node::new());
        let (tell, told) = oneshot::channel();
        let (entered, entering) = oneshot::channel();
        let (release, released) = mpsc::channel();
        arbiter.spawn_fn(move || {
            let leaving = node.spawn(Leaving(Some((entered, released))));
            let _ = tell.send(leaving);
        });
        let leaving: Ref<Leaving> = told.await.expect("it starts");
        let mut call = std::pin::pin!(leaving.call(Later));
        entering.await.expect("it terminates");
        for _ in 0..10 {
            let looked = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx)));
            assert_eq!(looked.await, Poll::Pending);
            tokio::task::yield_now().await;
        }
        release.send(()).expect("it waits");
        assert_eq!(call.await, Ok("bye"));
        arbiter.stop();
        arbiter.join().expect("the thread ends well");
    });
}

/// A server that was to stop, and does not.
#[test]
fn a_server_that_refuses_to_stop_answers_all_the_same() {
    struct Stubborn;
    impl Actor for Stubborn {
        type Context = Context<Self>;
        fn stopping(&mut self, _: &mut Self::Context) -> Running {
            Running::Continue
        }
    }
    impl Handler<Later> for Stubborn {
        type Result = MessageResult<Later>;
        fn handle(&mut self, _: Later, ctx: &mut Self::Context) -> Self::Result {
            ctx.stop();
            MessageResult("still here")
        }
    }
    run(async |rig| {
        let stubborn = rig.node.spawn(Stubborn);
        assert_eq!(stubborn.call(Later).await, Ok("still here"));
        assert_eq!(stubborn.call(Later).await, Ok("still here"));
    });
}

/// Starts a server linked to `parent`, which is told to do so.
async fn child_of(rig: &Rig, parent: &Ref<Server>, traps: bool) -> Ref<Server> {
    let child = rig.beginning(move |_, ctx| ctx.trap_exit(traps));
    let (node, born) = (rig.node.clone(), Arc::new(Mutex::new(None)));
    let told = Arc::clone(&born);
    parent.call(order(move |_, _| *told.lock() = Some(node.spawn_link(child)))).await.expect("it lives");
    settle().await;
    rig.log.lock().clear();
    born.lock().take().expect("it was started")
}

/// OTP-181.
#[test]
fn the_end_of_its_parent_ends_a_trapping_server_in_good_order_and_a_plain_one_at_once() {
    run(async |rig| {
        for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::failed("boom")] {
            for traps in [true, false] {
                let (parent, above) = rig.running().await;
                let child = child_of(&rig, &parent, traps).await;
                let below = child.process().expect("it runs");
                let ends = reason.clone();
                parent.cast(order(move |_, ctx| ctx.exit(ends)));
                above.exited().await;
                settle().await;
                let told: Vec<_> = rig.seen().into_iter().skip(1).collect();
                match (traps, &reason) {
                    (true, reason) => {
                        assert_eq!(below.exit_reason().as_ref(), Some(reason));
                        assert_eq!(told, [format!("terminate: {reason}")]);
                    }
                    (false, ExitReason::Normal) => assert!(below.is_alive()),
                    (false, reason) => {
                        assert_eq!(below.exit_reason().as_ref(), Some(reason));
                        assert_eq!(told, [""; 0], "nothing of it runs");
                    }
                }
            }
        }
    });
}

/// OTP-182.
#[test]
fn an_exit_signal_of_a_stranger_is_a_message_to_a_trapping_server() {
    run(async |rig| {
        let (parent, above) = rig.running().await;
        let child = child_of(&rig, &parent, true).await;
        let below = child.process().expect("it runs");
        below.exit(ExitReason::Shutdown);
        settle().await;
        assert_eq!(rig.seen(), ["exit: shutdown"]);
        let from_parent = below.clone();
        parent.cast(order(move |_, _| from_parent.exit(ExitReason::Shutdown)));
        assert_eq!(below.exited().await, ExitReason::Shutdown, "its parent's word is no message");
        assert_eq!(rig.seen(), ["terminate: shutdown"]);
        assert_eq!(above.exited().await, ExitReason::Shutdown, "linked, and trapping nothing");
    });
}

/// OTP-183.
#[test]
fn a_stop_comes_behind_the_mail_and_waits_no_longer_than_it_may() {
    run(async |rig| {
        let (server, _) = rig.running().await;
        server.cast(say("mail"));
        assert_eq!(server.stop(ExitReason::Normal, None).await, Ok(()));
        assert_eq!(rig.seen(), ["mail", "terminate: normal"]);
        assert_eq!(server.stop(ExitReason::Normal, SECOND).await, Err(CallError::NoProc));

        let (server, process) = rig.running().await;
        let busy = order(|server, ctx| ctx.wait(tokio::time::sleep(10 * SECOND).into_actor(server)));
        server.cast(busy);
        let stop = server.stop(ExitReason::failed("enough"), SECOND).await;
        assert_eq!(stop, Err(CallError::Timeout(SECOND)));
        assert!(process.is_alive());
        assert_eq!(process.exited().await, ExitReason::failed("enough"), "it stops when it comes to it");

        let (server, process) = rig.running().await;
        server.cast(order(|_, ctx| ctx.exit(ExitReason::Shutdown)));
        process.suspend();
        let stop = server.stop(ExitReason::Normal, SECOND);
        process.resume();
        assert_eq!(stop.await, Err(CallError::Exit(ExitReason::Shutdown)), "another end than asked for");
    });
}

/// OTP-147: what a process says when it ends by itself.
#[test]
fn a_process_ends_with_normal_its_own_reason_or_its_panic() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        server.cast(order(|_, ctx| ctx.stop()));
        assert_eq!(process.exited().await, ExitReason::Normal);
        let (server, process) = rig.running().await;
        server.cast(order(|_, ctx| ctx.exit(ExitReason::failed("mine"))));
        assert_eq!(process.exited().await, ExitReason::failed("mine"));
        let (server, process) = rig.running().await;
        server.cast(order(|_, _| panic!("as asked")));
        let reason = process.exited().await;
        assert!(
            matches!(&reason, ExitReason::Panicked { message, .. } if &**message == "as asked"),
            "{reason}"
        );
    });
}

/// OTP-157.
#[test]
fn nothing_of_a_process_runs_once_an_exit_signal_has_reached_it() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        server.cast(order(|server, ctx| {
            ctx.spawn(std::future::ready(()).into_actor(server).map(|(), server, _| server.say("a future")));
            server.say("the last");
            // Its own turn goes to its end.
            this_process().expect("it is one").exit(ExitReason::failed("boom"));
        }));
        server.cast(say("mail"));
        assert_eq!(process.exited().await, ExitReason::failed("boom"));
        let seen = rig.seen();
        assert_eq!(seen[0], "the last");
        assert!(!seen.iter().any(|said| said == "mail" || said.starts_with("terminate")), "{seen:?}");
    });
}

/// OTP-167: what an answer would be sent to is gone with the call.
#[test]
fn an_answer_nobody_waits_for_any_more_goes_nowhere() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        let mut call = Box::pin(server.call(Later));
        let early = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx)));
        assert_eq!(early.await, Poll::Pending);
        drop(call);
        let late = server.call(Later).within(SECOND / 2).await;
        assert_eq!(late, Err(CallError::Timeout(SECOND / 2)));
        tokio::time::sleep(5 * SECOND).await;
        assert_eq!(rig.seen(), ["replied later", "replied later"], "the server did its work");
        assert!(process.is_alive());
        assert_eq!(server.call(say("fine")).await, Ok(7));
    });
}
