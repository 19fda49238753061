//! Time limits, on a clock that stands still unless everybody sleeps; so without sockets, which it cannot stop.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;
use crate::net::{RawStream, Stream};

/// A connection in memory, of few bytes.
#[derive(Debug)]
struct Pipe(DuplexStream);

impl RawStream for Pipe {
    fn poll_read(&mut self, cx: &mut TaskContext<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut room = [0; 64];
        let mut into = ReadBuf::new(&mut room);
        let poll = Pin::new(&mut self.0).poll_read(cx, &mut into);
        buffer.extend_from_slice(into.filled());
        poll.map_ok(|()| into.filled().len())
    }

    fn poll_write(&mut self, cx: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.poll_write(&mut TaskContext::from_waker(Waker::noop()), bytes) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_finish(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn abort(&mut self) {}
}

/// Runs `test` on one connection: its client, its process, the service. Gives what was reported of trouble.
fn paused(requests: u32, test: impl AsyncFnOnce(&mut DuplexStream, Process)) -> Vec<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut world = World::start(Options::default()).await;
        let options = TransformServingOptions { requests, ..TransformServingOptions::default() };
        let (mut client, server) = tokio::io::duplex(64);
        let reporter = Reporter::new(|node| node);
        world.events = reporter.history().subscribe(1000);
        let visit = Visit {
            service: "transform".into(),
            id: "connection".into(),
            accepted: Accepted::new("127.0.0.1:7".parse().unwrap(), Stream::Other(Box::new(Pipe(server)))),
            permit: Limit::new(1).permit().await,
            reporter,
        };
        let exchange = TransformServing::<Netstrings>::new(world.workers.clone(), options);
        world.branch.start_child(exchange.connection(visit)).await.unwrap();
        let process = world.branch.tree().find("connection").and_then(|it| it.process.clone()).unwrap();
        tokio::time::timeout(3600 * SECOND, test(&mut client, process)).await.expect("what must come came");
        world.troubles()
    })
}

async fn all(client: &mut DuplexStream) -> String {
    let mut bytes = String::new();
    client.read_to_string(&mut bytes).await.unwrap();
    bytes
}

#[test]
fn a_slow_client_is_waited_for_within_both_time_outs() {
    let troubles = paused(1, async |client, _| {
        for byte in "13:cummingsify.X,".bytes() {
            tokio::time::sleep(17 * SECOND).await;
            client.write_all(&[byte]).await.unwrap();
        }
        assert_eq!(all(client).await, "1:x,");
    });
    assert_eq!(troubles, [""; 0]);
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_seen_off_after_the_time_of_a_request() {
    let troubles = paused(1, async |client, _| {
        let began = tokio::time::Instant::now();
        for byte in "13:cumm".bytes() {
            tokio::time::sleep(45 * SECOND).await;
            // The last ones come when nobody listens any more.
            let _ = client.write_all(&[byte]).await;
        }
        assert_eq!(all(client).await, "");
        assert!(began.elapsed() >= 300 * SECOND);
    });
    assert_eq!(troubles, ["PEER sent nonsense at byte 6: it was not whole after 300s"]);
}

#[test]
fn a_client_that_stops_in_mid_request_is_seen_off_after_the_idle_time_out() {
    let troubles = paused(1, async |client, _| {
        client.write_all(b"13:cumm").await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(all(client).await, "");
        assert_eq!(began.elapsed().as_secs(), 60);
    });
    assert_eq!(troubles, ["PEER sent nonsense at byte 7: it sent nothing for 60s"]);
}

#[test]
fn a_client_that_says_nothing_at_all_is_seen_off_after_the_idle_time_out() {
    let troubles = paused(1000, async |client, _| assert_eq!(all(client).await, ""));
    assert_eq!(troubles, ["PEER sent nonsense at byte 0: it sent nothing for 60s"]);
}

#[test]
fn a_kept_connection_that_is_not_needed_any_more_is_closed_without_a_word() {
    let troubles = paused(1000, async |client, _| {
        client.write_all(b"7:shout.a,").await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(all(client).await, "1:A,");
        assert_eq!(began.elapsed().as_secs(), 60);
    });
    assert_eq!(troubles, [""; 0]);
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_reset_after_the_write_time_out() {
    let troubles = paused(1, async |client, process| {
        client.write_all(&request("shout", &"x".repeat(1000))).await.unwrap();
        let began = tokio::time::Instant::now();
        process.exited().await;
        assert_eq!(began.elapsed().as_secs(), 30);
    });
    assert_eq!(troubles, ["transform reset the connection of 127.0.0.1:7: it took nothing for 30s"]);
}

#[test]
fn a_client_that_does_not_leave_is_left_after_a_bounded_moment() {
    let troubles = paused(1, async |client, process| {
        client.write_all(b"7:shout.a,").await.unwrap();
        assert_eq!(all(client).await, "1:A,");
        let began = tokio::time::Instant::now();
        assert_eq!(process.exited().await, supervisors::ExitReason::Normal);
        assert_eq!(began.elapsed().as_secs(), 2);
    });
    assert_eq!(troubles, [""; 0]);
}
