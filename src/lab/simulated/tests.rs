//! How connections end on the simulated network: as on real sockets.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;

use super::*;
use crate::net::Network;

const PORT: u16 = 10_000;

struct Rig {
    sim: turmoil::Sim<'static>,
    hosts: Hosts,
}

impl Rig {
    fn new() -> Self {
        let mut builder = turmoil::Builder::new();
        builder.rng_seed(1).tcp_capacity(CAPACITY).simulation_duration(Duration::from_secs(600));
        Self { sim: builder.build(), hosts: Hosts::default() }
    }

    fn network(&self, host: &str) -> Network {
        Network::new(self.hosts.add(host, self.sim.lookup(host)))
    }

    /// A host that does `serve` with each connection.
    fn server(&mut self, serve: impl AsyncFn(Stream) + Clone + 'static) {
        let network = self.network("server");
        self.sim.host("server", move || {
            let (network, serve) = (network.clone(), serve.clone());
            async move {
                let bound = network.bind(([0, 0, 0, 0], PORT).into(), ListenOptions::default())?;
                let mut accept = bound.attach()?;
                loop {
                    let accepted = poll_fn(|cx| accept.poll_accept(cx)).await?;
                    serve(accepted.attach()).await;
                }
            }
        });
    }

    fn client<T: 'static>(
        &mut self,
        ask: impl AsyncFnOnce(Network) -> T + 'static,
    ) -> Rc<RefCell<Option<T>>> {
        let network = self.network("client");
        let answer = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&answer);
        self.sim.client("client", async move {
            *slot.borrow_mut() = Some(ask(network).await);
            Ok(())
        });
        answer
    }

    /// What a client reads from `serve`, and how it ends.
    fn read_from(mut self, serve: impl AsyncFn(Stream) + Clone + 'static) -> (String, Result<(), String>) {
        self.server(serve);
        let answer = self.client(async |network| read_all(&mut connect(&network).await).await);
        self.sim.run().expect("the client ends");
        answer.take().expect("it has an answer")
    }
}

async fn connect(network: &Network) -> Stream {
    let addresses = network.resolve("server", PORT).await.expect("it is known");
    network.connect(addresses[0]).await.expect("it listens")
}

async fn read_all(stream: &mut Stream) -> (String, Result<(), String>) {
    let mut bytes = BytesMut::new();
    loop {
        let end = match stream.read(&mut bytes).await {
            Ok(0) => Ok(()),
            Ok(_) => continue,
            Err(error) => Err(error.to_string()),
        };
        return (String::from_utf8_lossy(&bytes).into_owned(), end);
    }
}

fn reset() -> Result<(), String> {
    Err(io::Error::from(Errno::CONNRESET).to_string())
}

#[test]
fn a_finished_stream_ends_cleanly() {
    let heard = Rig::new().read_from(async |mut stream| {
        stream.write(b"a poem").await.unwrap();
        stream.finish().await.unwrap();
    });
    assert_eq!(heard, ("a poem".to_owned(), Ok(())));
}

#[test]
fn a_dropped_or_aborted_stream_is_reset() {
    let heard = Rig::new().read_from(async |mut stream| {
        stream.write(b"half a po").await.unwrap();
    });
    assert_eq!(heard, ("half a po".to_owned(), reset()));
    let heard = Rig::new().read_from(async |mut stream| {
        stream.write(b"half a po").await.unwrap();
        stream.abort();
    });
    assert_eq!(heard, ("half a po".to_owned(), reset()));
}

#[test]
fn a_host_that_crashes_resets_its_connections_and_comes_back() {
    let mut rig = Rig::new();
    rig.server(async |mut stream| {
        stream.write(b"half a po").await.unwrap();
        std::future::pending::<()>().await;
    });
    let answer = rig.client(async |network| {
        let first = read_all(&mut connect(&network).await).await;
        let mut buffer = BytesMut::new();
        let again = connect(&network).await.read(&mut buffer).await;
        (first, again.map_err(|error| error.to_string()))
    });
    for _ in 0..1000 {
        rig.sim.step().unwrap();
    }
    rig.sim.crash("server");
    rig.sim.bounce("server");
    rig.sim.run().expect("the client ends");
    let (first, again) = answer.take().unwrap();
    assert_eq!(first, ("half a po".to_owned(), reset()));
    assert_eq!(again, Ok(9), "it listens on the same port again");
}

#[test]
fn a_client_that_leaves_is_an_end_of_stream_and_one_that_aborts_a_reset() {
    for (aborts, end) in [(false, Ok(())), (true, reset())] {
        let mut rig = Rig::new();
        let heard = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&heard);
        rig.server(async move |mut stream: Stream| *slot.borrow_mut() = Some(read_all(&mut stream).await));
        let _asked = rig.client(async move |network| {
            let mut stream = connect(&network).await;
            stream.write(b"ask").await.unwrap();
            if aborts {
                stream.abort();
            }
        });
        rig.sim.run().unwrap();
        for _ in 0..1000 {
            rig.sim.step().unwrap();
        }
        assert_eq!(heard.take(), Some(("ask".to_owned(), end)));
    }
}

#[test]
fn a_long_poem_arrives_whole_through_a_slow_reader_and_its_writer_waits() {
    const LONG: usize = 1_000_000;
    let mut rig = Rig::new();
    let waited = Rc::new(RefCell::new(false));
    let slot = Rc::clone(&waited);
    rig.server(async move |mut stream: Stream| {
        let long: Vec<u8> = (0..LONG).map(|at| (at % 251) as u8).collect();
        let mut sent = 0;
        while sent < LONG {
            match stream.try_write(&long[sent..]) {
                Ok(some) => sent += some,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    *slot.borrow_mut() = true;
                    sent += stream.write(&long[sent..]).await.unwrap();
                }
            }
        }
        stream.finish().await.unwrap();
    });
    let answer = rig.client(async |network| {
        let mut stream = connect(&network).await;
        let mut bytes = BytesMut::new();
        while stream.read(&mut bytes).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        bytes.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8).then_some(bytes.len())
    });
    rig.sim.run().unwrap();
    assert_eq!((answer.take().unwrap(), waited.take()), (Some(LONG), true));
}

#[test]
fn what_is_not_there_is_refused_and_whose_name_is_unknown_is_not_found() {
    let mut rig = Rig::new();
    rig.server(async |_| {});
    let answer = rig.client(async |network| {
        let address = network.resolve("server", 1).await.unwrap()[0];
        let refused = network.connect(address).await.unwrap_err();
        let unknown = network.resolve("nowhere", 1).await.unwrap_err();
        let listen = ListenOptions::default();
        let bound = network.bind(([127, 0, 0, 1], 0).into(), listen).unwrap();
        let taken = network.bind(bound.address(), listen).unwrap_err();
        (refused, unknown, taken)
    });
    rig.sim.run().unwrap();
    let (refused, unknown, taken) = answer.take().unwrap();
    assert!(
        matches!(refused, NetError::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused)
    );
    assert!(matches!(unknown, NetError::Resolve { .. }));
    assert!(matches!(taken, NetError::Taken { .. }));
}
