//! Actors that were not written for it are supervised as they are.

#[allow(unreachable_pub, reason = "a file from elsewhere, as it is")]
mod actors;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix::prelude::Stream;
use supervisors::supervisor::{ChildSpec, Restart};
use supervisors::{CallError, ExitReason, Node};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::stage::{life, on_a_paused_clock, pass, reborn, stop, supervised};
use actors::{Beats, Crash, Metronome, Oracle, Question, Reader, Sum};

#[test]
fn the_three_actors_import_only_actix() {
    let text = include_str!("actors.rs");
    let imports: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("use ")).collect();
    assert!(imports.contains(&"actix::prelude::*;"), "{imports:?}");
    for import in imports {
        assert!(import.starts_with("actix::") || import.starts_with("std::"), "{import}");
    }
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    assert!(!code.collect::<String>().contains("supervisors"), "nor do they name it by its path");
}

#[test]
fn an_actor_with_timers_beats_again_in_its_next_life_and_the_old_timers_are_silent() {
    on_a_paused_clock(async {
        let all = Arc::new(AtomicU32::new(0));
        let spec = {
            let all = Arc::clone(&all);
            ChildSpec::new("metronome", move || Metronome::new(&all))
        };
        let metronome = spec.reference();
        let root = supervised(&Node::new(), spec).await;
        pass(Duration::from_millis(360)).await;
        assert_eq!(metronome.call(Beats).await, Ok((3, true)));

        let first = life(&metronome);
        metronome.cast(Crash);
        assert!(matches!(first.exited().await, ExitReason::Panicked { .. }));
        let second = reborn(&metronome, &first).await;
        assert_ne!(second.pid(), first.pid());
        assert_eq!(metronome.call(Beats).await, Ok((0, false)), "the same Ref, a new life");
        pass(Duration::from_millis(520)).await;
        assert_eq!(metronome.call(Beats).await, Ok((5, true)), "its timers run");
        assert_eq!(all.load(Ordering::SeqCst), 8, "and nobody else's");

        assert_eq!(stop(&root).await, ExitReason::Shutdown);
        pass(Duration::from_secs(5)).await;
        assert_eq!(all.load(Ordering::SeqCst), 8, "a dead metronome does not beat");
        assert_eq!(metronome.call(Beats).await, Err(CallError::NoProc));
    });
}

#[test]
fn a_future_of_an_actor_dies_with_it() {
    on_a_paused_clock(async {
        let spec = ChildSpec::new("oracle", Oracle::default);
        let oracle = spec.reference();
        let _root = supervised(&Node::new(), spec).await;
        let pledge = Arc::new(());
        let ask = |seconds| {
            let question = Question { thinking: Duration::from_secs(seconds), pledge: Arc::clone(&pledge) };
            oracle.call(question).forever()
        };
        assert_eq!(ask(60).await, Ok(1), "it comes back to the actor");
        assert_eq!(Arc::strong_count(&pledge), 1);

        for end in ["kill", "crash"] {
            let first = life(&oracle);
            let answer = ask(3600);
            // Mail is handled in order: once this one is answered, the other is being thought about.
            assert!(ask(0).await.is_ok());
            assert_eq!(Arc::strong_count(&pledge), 2, "one question is open");
            if end == "kill" {
                first.kill();
            } else {
                first.crash("as asked");
            }
            let reason = first.exited().await;
            assert_eq!(Arc::strong_count(&pledge), 1, "{end}: the future is gone with its actor");
            assert_eq!(answer.await, Err(CallError::Exit(reason)), "{end}: and whoever asked is told");
            reborn(&oracle, &first).await;
        }
        assert_eq!(ask(1).await, Ok(1), "the next life answers the same Ref");
    });
}

/// Where a reader's numbers come from: each life opens the channel anew.
struct Numbers(UnboundedReceiver<u32>);

impl Stream for Numbers {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        self.0.poll_recv(cx)
    }
}

#[test]
fn an_actor_that_reads_a_stream_reads_a_new_one_in_its_next_life() {
    on_a_paused_clock(async {
        let (opened, mut streams) = unbounded_channel::<UnboundedSender<u32>>();
        let spec = ChildSpec::new("reader", move || {
            let (sender, receiver) = unbounded_channel();
            // The test has ended, and nobody reads any more.
            let _ = opened.send(sender);
            Reader { stream: Some(Numbers(receiver)), sum: 0 }
        });
        let reader = spec.reference();
        let root = supervised(&Node::new(), spec.restart(Restart::Transient)).await;
        let stream = streams.recv().await.expect("it has opened one");
        for number in [1, 2, 3] {
            stream.send(number).expect("it reads");
        }
        pass(Duration::from_millis(1)).await;
        assert_eq!(reader.call(Sum).await, Ok(6));

        let first = life(&reader);
        stream.send(13).expect("it reads");
        let ExitReason::Panicked { message, .. } = first.exited().await else {
            panic!("it is superstitious")
        };
        assert!(message.contains("thirteen"), "{message}");
        assert!(stream.is_closed(), "its stream is gone with it");

        let second = reborn(&reader, &first).await;
        let stream = streams.recv().await.expect("it has opened another");
        stream.send(40).expect("it reads");
        pass(Duration::from_millis(1)).await;
        assert_eq!(reader.call(Sum).await, Ok(40));

        // The end of the stream is the end of the actor, as actix has it: a good end, and a transient child stays so.
        drop(stream);
        assert_eq!(second.exited().await, ExitReason::Normal);
        pass(Duration::from_secs(1)).await;
        assert_eq!(reader.call(Sum).await, Err(CallError::NoProc));
        stop(&root).await;
    });
}
