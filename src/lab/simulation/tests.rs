//! The crash of a host.

use std::path::PathBuf;
use std::time::Duration;

use bytes::BytesMut;

use super::*;
use crate::config::{Host as Name, HostPort, Pace, PoemConfig, PoemSource};
use crate::poem::Anthology;

/// Listener and connection tell of their end when they are dropped; of a program that got a SIGKILL nobody hears.
#[test]
fn a_host_that_crashes_runs_no_cleanup_that_is_seen_outside() {
    let mut sim = Simulation::new(1);
    let poem = PoemConfig {
        listen: HostPort { host: Name::Ip([0, 0, 0, 0].into()), port: 10_001 },
        pace: Pace::Slow { num_bytes: 1, delay: Duration::from_secs(1) },
        ..PoemConfig::new(PoemSource::File(PathBuf::from("science")))
    };
    let config = Config { poems: vec![poem], ..Config::default() };
    let network = sim.network("server");
    let host = sim.node("server", config, vec![Anthology::poem("science").unwrap()], network);
    let network = sim.network("client");
    sim.programs(
        "client",
        vec![Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let address = network.resolve("server", 10_001).await.unwrap()[0];
            let mut stream = network.connect(address).await.unwrap();
            stream.read(&mut BytesMut::new()).await.unwrap();
            std::future::pending::<()>().await;
        })],
    );
    for _ in 0..300 {
        sim.step();
    }
    let connections = host.tree().unwrap().find("poems/science/connections").unwrap().children.clone();
    assert_eq!(connections.len(), 1, "somebody is being served");
    let reporter = host.reporter.borrow().clone().unwrap();
    let (mut heard, troubles) = (reporter.history().subscribe(1000), reporter.troubles());
    sim.crash(&host);
    assert!(host.tree().is_none() && !connections[0].process.as_ref().unwrap().is_alive());
    assert_eq!(heard.try_next(), None, "its destructors have run, and are not heard");
    assert_eq!(reporter.troubles(), troubles);
    sim.bounce(&host);
    for _ in 0..300 {
        sim.step();
    }
    assert!(host.tree().is_some(), "the next life is another node, and is heard");
    assert!(sim.chronicle().text().contains("life 2 of the node begins"));
}
