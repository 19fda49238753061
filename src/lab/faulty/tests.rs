//! Each fault, on the simulated network and on real sockets: the network around the network does not care which it is.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout};

use super::*;
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::client::Client;
use crate::config::{Framing, Host, HostPort};
use crate::lab::fault::Way;
use crate::lab::{Ground, SimulatedGround, SocketGround};

/// What the server sends: a poem of 27 bytes, in a netstring.
const POEM: &[u8] = b"27:Science! true daughter of O,";

/// What it is asked with, where it wants to be asked.
const QUESTION: &[u8] = b"What is a poem of 27 bytes?";

const PORT: u16 = 10_000;

/// How long somebody waits for what may never come. Long against a latency, short for a test.
const PATIENCE: Duration = Duration::from_millis(300);

type Told = Arc<Mutex<Vec<NetChange>>>;

/// A server for one client on a host of this ground, behind a network with this fault: waits for as many bytes of a
/// question, answers with the poem, and stays until its client has gone. What it was asked with comes out.
fn serve(ground: &mut impl Ground, question: usize, fault: Option<NetFault>) -> (Arc<Mutex<Vec<u8>>>, Told) {
    let told = Told::default();
    let (heard, teller) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::clone(&told));
    let slot = Arc::clone(&heard);
    let net = FaultyNet::new(ground.network("server"), move |fact| teller.lock().push(fact.what));
    ground.program("server", async move {
        let guard = fault.map(|fault| net.arm_accepted(None, fault, 1));
        let bound = Network::new(net).bind(([0, 0, 0, 0], PORT).into(), ListenOptions::default()).unwrap();
        let mut accept = bound.attach().unwrap();
        let Ok(accepted) = timeout(20 * PATIENCE, poll_fn(|cx| accept.poll_accept(cx))).await else { return };
        let (mut stream, mut got) = (accepted.unwrap().attach(), BytesMut::new());
        while got.len() < question {
            match timeout(20 * PATIENCE, stream.read(&mut got)).await {
                Ok(Ok(1..)) => slot.lock().clone_from(&got.to_vec()),
                _ => return,
            }
        }
        let mut left = POEM;
        while !left.is_empty() {
            match stream.write(left).await {
                Ok(some) => left = &left[some..],
                Err(_) => return,
            }
        }
        if stream.finish().await.is_ok() {
            while let Ok(1..) = stream.discard().await {}
        }
        drop(guard);
    });
    (heard, told)
}

fn at() -> HostPort {
    HostPort { host: Host::Name("server".to_owned()), port: PORT }
}

/// What a client got, what was told of its network, and how long it took.
struct Got {
    poem: Result<Bytes, String>,
    told: Vec<NetChange>,
    took: Duration,
}

/// A client of that server, behind a network with this fault.
fn get(mut ground: impl Ground, framing: Framing, fault: Option<NetFault>) -> Got {
    let _server = serve(&mut ground, 0, None);
    let told = Told::default();
    let teller = Arc::clone(&told);
    let net = FaultyNet::new(ground.network("body"), move |fact| teller.lock().push(fact.what)).seed(7);
    ground.run(async move {
        let guard = fault.map(|fault| net.arm(None, fault, 1));
        let exchange = ExchangeOptions { timeout: Some(2 * PATIENCE), ..ExchangeOptions::default() };
        let options = DownloadOptions { exchange, framing, ..DownloadOptions::default() };
        let began = Instant::now();
        let poem = Client::default().network(Network::new(net)).options(options).get_poetry(&at()).await;
        let took = began.elapsed();
        drop(guard);
        let told = told.lock().clone();
        Got { poem: poem.map_err(|error| error.cause.to_string()), told, took }
    })
}

fn fails(ground: impl Ground, framing: Framing, fault: NetFault) -> String {
    let Got { poem, told, .. } = get(ground, framing, Some(fault));
    assert!(told.contains(&NetChange::Struck(fault)), "{told:?}");
    assert_eq!(told.last(), Some(&NetChange::Closed));
    poem.expect_err("it is not whole")
}

fn nothing_is_changed(ground: impl Ground) {
    let Got { poem, told, .. } = get(ground, Framing::Netstring, None);
    assert_eq!(poem.unwrap(), &POEM[3..30]);
    assert_eq!(told, [NetChange::Opening, NetChange::Opened, NetChange::Closed]);
}

fn refused(ground: impl Ground) {
    let error = fails(ground, Framing::Raw, NetFault::Refused);
    assert!(error.ends_with("connection refused"), "{error}");
}

fn reset(ground: impl Ground) {
    let error = fails(ground, Framing::Raw, NetFault::Reset { after: 5 });
    assert_eq!(error, "after 5 bytes: connection reset");
}

fn cut(ground: impl Ground) {
    let error = fails(ground, Framing::Raw, NetFault::Cut { after: 5, way: Way::Both });
    assert_eq!(error, "not done within 600ms");
}

fn truncated_in_a_netstring(ground: impl Ground) {
    let error = fails(ground, Framing::Netstring, NetFault::Truncated { after: 20 });
    assert!(error.contains("end"), "{error}");
}

fn truncated_raw(ground: impl Ground) {
    let got = get(ground, Framing::Raw, Some(NetFault::Truncated { after: 20 }));
    assert_eq!(got.poem.unwrap(), &POEM[..20], "raw, nobody can tell");
}

/// It is whole, and takes at least so long.
fn takes(ground: impl Ground, fault: NetFault, least: Duration) {
    let got = get(ground, Framing::Netstring, Some(fault));
    assert_eq!(got.poem.unwrap(), &POEM[3..30]);
    assert!(got.told.contains(&NetChange::Struck(fault)));
    assert!(got.took >= least, "{:?}", got.took);
}

fn late(ground: impl Ground) {
    let (by, jitter) = (Duration::from_millis(20), Duration::from_millis(10));
    takes(ground, NetFault::Late { by, jitter }, 2 * by);
}

fn read_slowly(ground: impl Ground) {
    let pause = Duration::from_millis(10);
    takes(ground, NetFault::Slow { bytes: 7, pause }, 5 * pause);
}

fn little_bandwidth(ground: impl Ground) {
    takes(ground, NetFault::Bandwidth { rate: 300 }, Duration::from_millis(100));
}

/// Asks with this fault. What the server heard, the most that was written at once, and what came.
fn ask(mut ground: impl Ground, fault: NetFault) -> (Vec<u8>, usize, Vec<u8>) {
    let (heard, _) = serve(&mut ground, QUESTION.len(), None);
    let net = FaultyNet::new(ground.network("body"), |_| {});
    ground.run(async move {
        let _guard = net.arm(None, fault, 1);
        let network = Network::new(net);
        let address = network.resolve("server", PORT).await.unwrap()[0];
        let mut stream = network.connect(address).await.unwrap();
        let (mut left, mut most) = (QUESTION, 0);
        while !left.is_empty() {
            let some = stream.write(left).await.unwrap();
            (left, most) = (&left[some..], most.max(some));
        }
        let mut got = BytesMut::new();
        let reading = async { while let Ok(1..) = stream.read(&mut got).await {} };
        let _ = timeout(PATIENCE, reading).await;
        let heard = heard.lock().clone();
        (heard, most, got.to_vec())
    })
}

fn cut_out(ground: impl Ground) {
    let (heard, _, got) = ask(ground, NetFault::Cut { after: 10, way: Way::Out });
    assert_eq!(
        (heard.as_slice(), got.as_slice()),
        (&QUESTION[..10], &b""[..]),
        "the question does not arrive"
    );
}

fn cut_in(ground: impl Ground) {
    let (heard, _, got) = ask(ground, NetFault::Cut { after: QUESTION.len() + 4, way: Way::In });
    assert_eq!((heard.as_slice(), got.as_slice()), (QUESTION, &POEM[..4]), "the answer does not");
}

fn sliced(ground: impl Ground) {
    let (heard, most, got) = ask(ground, NetFault::Sliced { bytes: 7, pause: Duration::from_millis(2) });
    assert_eq!((heard.as_slice(), most, got.as_slice()), (QUESTION, 7, POEM));
}

/// What a raw client without faults gets from a server behind a network with this one, and how it ends.
fn accepted(mut ground: impl Ground, fault: NetFault) -> (usize, Option<io::ErrorKind>) {
    let (_, told) = serve(&mut ground, 0, Some(fault));
    let network = ground.network("body");
    ground.run(async move {
        let address = network.resolve("server", PORT).await.unwrap()[0];
        let mut stream = match network.connect(address).await {
            Ok(stream) => stream,
            // On one thread, the reset may be there before the client is told of its connection.
            Err(NetError::Connect { source, .. }) => return (0, Some(source.kind())),
            Err(other) => panic!("{other}"),
        };
        let mut got = BytesMut::new();
        let end = loop {
            match timeout(PATIENCE, stream.read(&mut got)).await {
                Ok(Ok(0)) => break None,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => break Some(error.kind()),
                Err(_) => break Some(io::ErrorKind::TimedOut),
            }
        };
        assert_eq!(*told.lock(), [NetChange::Struck(fault)]);
        (got.len(), end)
    })
}

fn accepted_truncated(ground: impl Ground) {
    assert_eq!(accepted(ground, NetFault::Truncated { after: 20 }), (20, None));
}

fn accepted_reset(ground: impl Ground) {
    let (_, end) = accepted(ground, NetFault::Reset { after: 20 });
    assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
}

fn accepted_refused(ground: impl Ground) {
    assert_eq!(accepted(ground, NetFault::Refused), (0, Some(io::ErrorKind::ConnectionReset)));
}

fn accepted_cut(ground: impl Ground) {
    let (got, end) = accepted(ground, NetFault::Cut { after: 20, way: Way::Out });
    assert_eq!((got, end), (20, Some(io::ErrorKind::TimedOut)), "nobody is told");
}

fn accepted_sliced(ground: impl Ground) {
    let fault = NetFault::Sliced { bytes: 7, pause: Duration::from_millis(2) };
    assert_eq!(accepted(ground, fault), (POEM.len(), None));
}

macro_rules! on_both_grounds {
    ($($name:ident: $body:ident;)*) => {
        mod simulated {
            $(#[test] fn $name() { super::$body(super::SimulatedGround::new(1)); })*
        }
        mod sockets {
            $(#[test] fn $name() { super::$body(super::SocketGround::new()); })*
        }
    };
}

on_both_grounds! {
    without_a_fault_nothing_is_changed: nothing_is_changed;
    a_refused_connect_is_what_the_client_says_it_is: refused;
    a_reset_is_what_the_client_says_it_is: reset;
    a_cut_leaves_the_client_waiting: cut;
    what_is_written_into_a_cut_does_not_arrive: cut_out;
    what_would_be_read_behind_a_cut_does_not_arrive: cut_in;
    a_truncated_poem_is_seen_in_a_netstring: truncated_in_a_netstring;
    a_truncated_poem_is_not_seen_where_it_is_raw: truncated_raw;
    what_is_late_is_whole: late;
    what_is_read_slowly_is_whole: read_slowly;
    what_has_little_bandwidth_takes_its_time: little_bandwidth;
    what_is_written_in_slices_is_whole: sliced;
    an_accepted_stream_that_is_truncated_ends_well: accepted_truncated;
    an_accepted_stream_that_is_reset_is_reset: accepted_reset;
    an_accepted_stream_that_is_refused_is_reset_at_once: accepted_refused;
    an_accepted_stream_that_is_cut_says_nothing_more: accepted_cut;
    an_accepted_stream_that_is_sliced_is_whole: accepted_sliced;
}

#[test]
fn a_guard_that_is_dropped_lifts_its_fault() {
    let net = FaultyNet::new(Network::tcp(), |_| {});
    let anybody = SocketAddr::from(([127, 0, 0, 1], 1));
    let guard = net.arm(None, NetFault::Refused, u32::MAX);
    assert_eq!(net.begin(anybody).1, Some(NetFault::Refused));
    assert!(net.fate_of(Target::Accepted(anybody)).is_none(), "the other side is another target");
    drop(guard);
    assert_eq!(net.begin(anybody).1, None);
    let _twice = net.arm(Some(anybody), NetFault::Refused, 2);
    let fates = [0; 3].map(|_| net.begin(anybody).1.is_some());
    assert_eq!(fates, [true, true, false]);
}
