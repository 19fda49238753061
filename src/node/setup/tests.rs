//! A node on a thread of its own, used from outside.

use std::time::Duration;

use super::*;
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::client::{Client, get_poetry};
use crate::config::{Framing, HostPort};
use crate::event::Event;

/// A poem as fast as it goes, and one that takes minutes.
fn config() -> Config {
    let text = "[[poem]]\nembedded = \"science\"\nlisten = \"127.0.0.1:0\"\n\
        [[poem]]\nembedded = \"ecstasy\"\nlisten = \"127.0.0.1:0\"\nnum_bytes = 10\ndelay = \"10s\"\n\
        [transform]\nlisten = \"127.0.0.1:0\"";
    Config::from_toml(text, "here").unwrap()
}

/// Runs a test outside any `LocalSet`.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

async fn refused(at: std::net::SocketAddr) -> bool {
    for _ in 0..1000 {
        if tokio::net::TcpStream::connect(at).await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[test]
fn a_node_on_a_thread_of_its_own_serves_and_drains() {
    run(async {
        let node = Setup::load(config()).unwrap().start_on_thread().await.unwrap();
        let at = node.listening()[0].address;
        assert!(get_poetry(at).await.unwrap().starts_with(b"Sonnet - To Science"));
        assert_eq!(node.drain().await.cut, 0);
        assert!(refused(at).await, "nothing listens any more");
    });
}

#[test]
fn a_node_that_is_dropped_is_killed_and_its_clients_are_reset() {
    run(async {
        let node = Setup::load(config()).unwrap().start_on_thread().await.unwrap();
        let at = node.listening()[1].address;
        let mut client = tokio::net::TcpStream::connect(at).await.unwrap();
        let mut some = [0];
        tokio::io::AsyncReadExt::read_exact(&mut client, &mut some).await.unwrap();
        drop(node);
        let mut rest = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut rest).await;
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        assert!(refused(at).await);
    });
}

#[test]
fn a_node_that_does_not_start_says_why_and_leaves_nothing() {
    run(async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = config();
        config.poems[0].listen = HostPort::from(taken.local_addr().unwrap());
        let error = Setup::load(config).unwrap().start_on_thread().await.unwrap_err();
        assert!(matches!(error, StartNodeError::Net(_)), "{error}");
    });
}

#[test]
fn the_transforms_are_the_embedders_own_and_another_node_does_not_know_them() {
    run(async {
        let mut transforms = TransformService::empty();
        transforms.register("whisper", "in brackets", |poem, _| Ok(format!("({poem})"))).unwrap();
        let setup = Setup::load(config()).unwrap();
        let other = setup.clone().start_on_thread().await.unwrap();
        let world = World::default();
        let node = setup.world(world).transforms(transforms).start_on_thread().await.unwrap();
        let whisper = async |node: &RunningNode, name: &str| {
            let at = HostPort::from(node.listening()[2].address);
            Client::default().apply(&at, name, "a poem".into()).await
        };
        assert_eq!(whisper(&node, "whisper").await.unwrap(), "(a poem)");
        assert!(whisper(&node, "shout").await.is_err(), "only its own");
        assert!(whisper(&other, "whisper").await.is_err(), "only the node's own");
        assert_eq!(whisper(&other, "shout").await.unwrap(), "A POEM");
    });
}

#[test]
fn two_nodes_in_one_program_do_not_see_each_other() {
    run(async {
        let start = async || Setup::load(config()).unwrap().start_on_thread().await.unwrap();
        let (one, two) = (start().await, start().await);
        let mut of_two = two.world().reporter.history().subscribe(1000);
        let tree = |node: &RunningNode| node.tree().to_string();
        let before = tree(&two);
        one.tree().find("poems/science/source").unwrap().process.as_ref().unwrap().crash("as asked");
        for _ in 0..1000 {
            if one.tree().find("poems/science/source").unwrap().restarts == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(tree(&one).contains("1 restarts"), "{}", tree(&one));
        assert_eq!((tree(&two), of_two.try_next().map(|it| it.event)), (before, None));
        one.kill().await;
        assert!(get_poetry(two.listening()[0].address).await.is_ok(), "the other serves on");
        assert!(of_two.try_next().is_some_and(|it| matches!(it.event, Event::Connection { .. })));
    });
}

#[test]
fn a_download_that_takes_too_long_or_is_dropped_gives_its_connection_up() {
    run(async {
        let node = Setup::load(config()).unwrap().start_on_thread().await.unwrap();
        let mut events = node.world().reporter.history().subscribe(1000);
        let at = HostPort::from(node.listening()[1].address);
        let limit = Some(Duration::from_millis(50));
        let exchange = ExchangeOptions { timeout: limit, ..ExchangeOptions::default() };
        let options = DownloadOptions { exchange, framing: Framing::Raw, ..DownloadOptions::default() };
        let error = Client::default().options(options).get_poetry(&at).await.unwrap_err();
        assert!(error.cause.to_string().contains("50ms"), "{error:?}");
        let dropped = tokio::time::timeout(Duration::from_millis(50), get_poetry(at)).await;
        assert!(dropped.is_err(), "a poem of minutes");
        // A server notices at the latest when it writes again; a drain would wait for it.
        let mut accepted = 0;
        while let Some(stamped) = events.try_next() {
            let begins =
                matches!(stamped.event, Event::Connection { phase: crate::event::Phase::Accepted, .. });
            accepted += u32::from(begins);
        }
        assert_eq!(accepted, 2);
        node.kill().await;
    });
}

#[test]
fn a_drain_that_was_asked_for_at_the_admin_port_begins_by_itself() {
    run(async {
        let node = Setup::load(config()).unwrap().start_on_thread().await.unwrap();
        let at = node.listening()[0].address;
        node.lifecycle.enter(Phase::DrainAsked);
        assert!(refused(at).await);
        node.exited().await;
        assert_eq!(node.phase(), Phase::Ended);
    });
}
