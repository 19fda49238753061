//! Each fault, on real sockets: the network around the network does not care which it is.

use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::client::Client;
use crate::config::{Framing, HostPort};

const POEM: &[u8] = b"27:Science! true daughter of O,";

/// Gets a poem, in a netstring or raw, through a network with this fault: what comes, and what was told.
fn get(framing: Framing, fault: Option<NetFault>) -> (Result<Bytes, String>, Vec<NetChange>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await?;
            tokio::io::AsyncWriteExt::write_all(&mut stream, POEM).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            // Until the client has gone.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            io::Result::Ok(())
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let net = FaultyNet::new(Network::tcp(), move |fact| teller.lock().push(fact.what));
        let guard = fault.map(|fault| net.arm(Some(address), fault, 1));
        let exchange =
            ExchangeOptions { timeout: Some(Duration::from_millis(300)), ..ExchangeOptions::default() };
        let options = DownloadOptions { exchange, framing, ..DownloadOptions::default() };
        let client = Client::default().network(Network::new(net)).options(options);
        let server = HostPort::from(address);
        let got = tokio::select! {
            biased;
            got = client.get_poetry(&server) => got,
            _ = async { serve.await.unwrap(); std::future::pending::<()>().await } => unreachable!(),
        };
        drop(guard);
        let told = told.lock().clone();
        (got.map_err(|error| error.cause.to_string()), told)
    })
}

fn fails(framing: Framing, fault: NetFault) -> String {
    let (got, told) = get(framing, Some(fault));
    assert!(told.contains(&NetChange::Struck(fault)), "{told:?}");
    assert_eq!(told.last(), Some(&NetChange::Closed));
    got.expect_err("it is not whole")
}

#[test]
fn without_a_fault_nothing_is_changed() {
    let (got, told) = get(Framing::Netstring, None);
    assert_eq!(got.unwrap(), &POEM[3..30]);
    assert_eq!(told, [NetChange::Opening, NetChange::Opened, NetChange::Closed]);
}

#[test]
fn a_refused_connect_and_a_reset_and_a_cut_are_what_the_client_says_they_are() {
    assert_eq!(fails(Framing::Raw, NetFault::Refused), "connection refused");
    assert_eq!(fails(Framing::Raw, NetFault::Reset { after: 5 }), "after 5 bytes: connection reset");
    assert_eq!(fails(Framing::Raw, NetFault::Cut { after: 5 }), "not done within 300ms");
}

#[test]
fn a_truncated_poem_is_seen_in_a_netstring_and_only_there() {
    let error = fails(Framing::Netstring, NetFault::Truncated { after: 20 });
    assert!(error.contains("end"), "{error}");
    let (got, _) = get(Framing::Raw, Some(NetFault::Truncated { after: 20 }));
    assert_eq!(got.unwrap(), &POEM[..20], "raw, nobody can tell");
}

#[test]
fn what_is_late_or_read_slowly_is_whole() {
    let by = Duration::from_millis(20);
    for fault in [NetFault::Late { by }, NetFault::Slow { bytes: 7, pause: by }] {
        let (got, told) = get(Framing::Netstring, Some(fault));
        assert_eq!(got.unwrap(), &POEM[3..30]);
        assert!(told.contains(&NetChange::Struck(fault)));
    }
}

#[test]
fn a_guard_that_is_dropped_lifts_its_fault() {
    let net = FaultyNet::new(Network::tcp(), |_| {});
    let anybody = SocketAddr::from(([127, 0, 0, 1], 1));
    let guard = net.arm(None, NetFault::Refused, u32::MAX);
    assert_eq!(net.begin(anybody).1, Some(NetFault::Refused));
    drop(guard);
    assert_eq!(net.begin(anybody).1, None);
    let _twice = net.arm(Some(anybody), NetFault::Refused, 2);
    let fates = [0; 3].map(|_| net.begin(anybody).1.is_some());
    assert_eq!(fates, [true, true, false]);
}
