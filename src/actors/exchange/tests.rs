//! What a client makes of servers of every kind, on a paused clock.

use super::*;
use crate::actors::scripted::{Answer, Scripted, Step};

/// What came, piece by piece, and how it ended.
async fn get(net: &Scripted, server: &str, options: &DownloadOptions) -> (Vec<String>, Result<(), String>) {
    let mut pieces = Vec::new();
    let server = server.parse().unwrap();
    let network = net.network();
    let ended = download(&network, &server, options, async |piece| {
        pieces.push(String::from_utf8(piece.bytes.to_vec()).unwrap());
        Ok(())
    });
    let ended = ended.await.map_err(|error| error.to_string());
    (pieces, ended)
}

fn raw() -> DownloadOptions {
    DownloadOptions::default()
}

fn netstring() -> DownloadOptions {
    DownloadOptions { framing: Framing::Netstring, ..raw() }
}

fn failed(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_raw_poem_is_whole_when_its_stream_ends_well() {
    let net = Scripted::default().server(1, [Step::send("Science! "), Step::wait(59), Step::send("true")]);
    let (pieces, ended) = get(&net, "1", &raw()).await;
    assert_eq!((pieces.concat().as_str(), ended), ("Science! true", Ok(())));
    assert_eq!(net.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_netstring_poem_is_whole_at_its_comma_and_the_server_may_stay() {
    let net = Scripted::default().server(1, [Step::send("4:tr"), Step::send("ue,"), Step::Silence]);
    let (pieces, ended) = get(&net, "1", &netstring()).await;
    assert_eq!((pieces, ended), (vec!["tr".to_owned(), "ue".to_owned()], Ok(())));
}

#[tokio::test(start_paused = true)]
async fn no_bad_end_of_a_stream_is_an_end_of_a_poem() {
    let some = || Step::send("half a po");
    let cases = [
        (raw(), vec![some(), Step::Reset], "after 9 bytes: connection reset"),
        (raw(), vec![Step::Reset], "after 0 bytes: connection reset"),
        (raw(), vec![Step::End], "it ended without a single byte"),
        (raw(), vec![some(), Step::wait(61), some()], "after 9 bytes: nothing for 1m"),
        (raw(), vec![Step::Silence], "after 0 bytes: nothing for 1m"),
        (netstring(), vec![Step::End], "it ended without a single byte"),
        (netstring(), vec![Step::send("0:,"), Step::Silence], "it ended without a single byte"),
        (netstring(), vec![Step::send("12:half a po"), Step::End], "byte 12: the stream ended in mid frame"),
        (netstring(), vec![Step::send("9:half a po"), Step::End], "byte 11: the stream ended in mid frame"),
        (netstring(), vec![Step::send("9"), Step::End], "byte 1: the stream ended in mid frame"),
        (netstring(), vec![some()], "byte 0: 'h' where a digit of a length was due"),
    ];
    for (options, steps, expected) in cases {
        let net = Scripted::default().server(1, steps.clone());
        let (_, ended) = get(&net, "1", &options).await;
        assert_eq!(ended, failed(expected), "{steps:?}");
        assert_eq!(net.open(), 0, "the connection is closed after {steps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poem_longer_than_allowed_is_refused_raw_at_the_first_byte_and_framed_at_its_length() {
    let net = Scripted::default()
        .server(1, [Step::send("12345"), Step::send("6"), Step::Silence])
        .server(2, [Step::send("6:"), Step::Silence]);
    let five = |options| DownloadOptions { max_poem: 5, ..options };
    assert_eq!(get(&net, "1", &five(raw())).await, (vec!["12345".to_owned()], failed("more than 5 bytes")));
    assert_eq!(get(&net, "2", &five(netstring())).await, (vec![], failed("more than 5 bytes")));
}

#[tokio::test(start_paused = true)]
async fn a_total_time_out_ends_a_poem_that_drips_for_ever() {
    let drips = std::iter::repeat_n([Step::send("drip "), Step::wait(50)], 1000).flatten();
    let net = Scripted::default().server(1, drips.collect::<Vec<_>>());
    let exchange = ExchangeOptions { timeout: Some(Duration::from_secs(120)), ..ExchangeOptions::default() };
    let began = Instant::now();
    let (pieces, ended) = get(&net, "1", &DownloadOptions { exchange, ..raw() }).await;
    assert_eq!((pieces.len(), ended), (3, failed("not done within 2m")));
    assert_eq!((began.elapsed(), net.open()), (Duration::from_secs(120), 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_long_over_a_piece_does_not_use_up_the_servers_time() {
    let net = Scripted::default().server(1, [Step::send("one"), Step::send("two")]);
    let (network, server, options) = (net.network(), HostPort::loopback(1), raw());
    let ended = download(&network, &server, &options, async |_| {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(())
    });
    assert!(ended.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_address_of_a_name_is_tried_also_after_one_that_does_not_answer() {
    let at = |last| SocketAddr::from(([10, 0, 0, last], 80));
    let net = Scripted::default()
        .name("poems.org", &[at(1), at(2), at(3), at(4)])
        .at(at(1), Answer::Nothing)
        .at(at(2), Answer::Nothing)
        .at(at(4), Answer::Accept(vec![Step::send("true")]));
    let began = Instant::now();
    let (pieces, ended) = get(&net, "poems.org:80", &raw()).await;
    assert_eq!((pieces.concat().as_str(), ended), ("true", Ok(())));
    // A quarter of the time for the first, a third of the rest for the second.
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_says_how() {
    let at = |last| SocketAddr::from(([10, 0, 0, last], 80));
    let net = Scripted::default()
        .name("gone.org", &[at(1), at(2)])
        .name("silent.org", &[at(3), at(4)])
        .at(at(3), Answer::Nothing)
        .at(at(4), Answer::Nothing);
    let said = async |server| get(&net, server, &raw()).await.1.unwrap_err();
    assert_eq!(said("10.0.0.1:80").await, "connection refused");
    assert_eq!(said("gone.org:80").await, "10.0.0.2:80: connection refused");
    assert_eq!(said("nowhere.org:80").await, "its address is not known: nobody knows it");
    let began = Instant::now();
    assert_eq!(said("silent.org:80").await, "no connection within 10s");
    assert_eq!(said("10.0.0.3:80").await, "no connection within 10s");
    assert_eq!(began.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_question_is_one_netstring_and_so_is_its_answer() {
    let net = Scripted::default()
        .server(1, [Step::send("4:tr"), Step::send("ue,"), Step::Silence])
        .server(2, [Step::send("0:,")])
        .server(3, [Step::End])
        .server(4, [Step::send("5:true")]);
    let asked = async |port| {
        let request = Bytes::from_static(b"cummingsify.TRUE");
        let options = ExchangeOptions::default();
        let (network, server) = (net.network(), HostPort::loopback(port));
        ask(&network, &server, &options, request, 4).await.map_err(|error| error.to_string())
    };
    assert_eq!(asked(1).await.unwrap(), "true");
    assert_eq!(net.written(), "16:cummingsify.TRUE,");
    assert_eq!(asked(2).await.unwrap(), "", "an empty answer is an answer");
    assert_eq!(asked(3).await.unwrap_err(), "it ended without a single byte");
    assert_eq!(asked(4).await.unwrap_err(), "more than 4 bytes");
    assert_eq!(net.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_download_closes_its_connection() {
    let net = Scripted::default().server(1, [Step::send("half"), Step::Silence]);
    assert!(timeout(Duration::from_secs(1), get(&net, "1", &raw())).await.is_err());
    assert_eq!(net.open(), 0);
}
