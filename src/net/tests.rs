//! How connections end, on real sockets.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;

use super::*;

async fn pair() -> (Stream, Stream, SocketAddr) {
    let net = Network::tcp();
    let bound =
        net.bind("127.0.0.1:0".parse().unwrap(), ListenOptions::default()).expect("a free port can be bound");
    let mut accept = bound.attach().expect("the socket can be watched");
    let client = net.connect(bound.address()).await.expect("it listens");
    let accepted = poll_fn(|cx| accept.poll_accept(cx)).await.expect("somebody connected");
    (accepted.attach(), client, bound.address())
}

async fn read_all(stream: &mut Stream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = BytesMut::new();
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return (bytes.to_vec(), Ok(())),
            Ok(_) => {}
            Err(error) => return (bytes.to_vec(), Err(error)),
        }
    }
}

#[tokio::test]
async fn a_finished_stream_ends_cleanly() {
    let (mut server, mut client, _) = pair().await;
    assert_eq!(server.try_write(b"a poem").unwrap(), 6);
    server.finish().await.unwrap();
    drop(server);
    let (bytes, end) = read_all(&mut client).await;
    assert_eq!(bytes, b"a poem");
    end.expect("a clean end");
}

#[tokio::test]
async fn what_is_written_last_arrives_with_the_end() {
    let (mut server, mut client, _) = pair().await;
    assert_eq!(server.try_write(b"a po").unwrap(), 4);
    assert_eq!(server.try_write_last(b"em").unwrap(), 2);
    server.finish().await.unwrap();
    let (bytes, end) = read_all(&mut client).await;
    assert_eq!(bytes, b"a poem");
    end.expect("a clean end");
}

#[tokio::test]
async fn what_is_written_last_and_not_finished_is_reset_all_the_same() {
    let (mut server, mut client, _) = pair().await;
    server.try_write_last(b"a poem").unwrap();
    drop(server);
    let (_, end) = read_all(&mut client).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_dropped_stream_is_reset_so_that_half_a_poem_is_no_poem() {
    let (mut server, mut client, _) = pair().await;
    server.try_write(b"half a po").unwrap();
    drop(server);
    let (_, end) = read_all(&mut client).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_aborted_client_resets_its_server() {
    let (mut server, mut client, _) = pair().await;
    client.write(b"x").await.unwrap();
    client.abort();
    let (_, end) = read_all(&mut server).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn both_directions_are_read_to_the_last_byte_also_past_the_first_wait() {
    let (mut server, mut client, _) = pair().await;
    let mut seen = BytesMut::new();
    let (read, wrote) = tokio::join!(server.read(&mut seen), async {
        tokio::task::yield_now().await;
        client.write(b"ask").await
    });
    assert_eq!((read.unwrap(), wrote.unwrap(), &seen[..]), (3, 3, &b"ask"[..]));
    let long = vec![b'v'; 3_000_000];
    let (sent, (got, end)) = tokio::join!(
        async {
            let mut sent = 0;
            while sent < long.len() {
                sent += server.write(&long[sent..]).await.unwrap();
            }
            server.finish().await.unwrap();
            sent
        },
        read_all(&mut client)
    );
    assert_eq!((sent, got.len()), (long.len(), long.len()));
    end.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let net = Network::tcp();
    let bound = net.bind("127.0.0.1:0".parse().unwrap(), ListenOptions::default()).unwrap();
    let error = net.bind(bound.address(), ListenOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}: the port is taken", bound.address()));
}

#[test]
fn accept_errors_fall_into_three_classes() {
    use rustix::io::Errno;
    let class = |errno: Errno| AcceptError::classify(io::Error::from(errno));
    assert!(matches!(class(Errno::CONNABORTED), AcceptError::Peer(_)));
    assert!(matches!(class(Errno::MFILE), AcceptError::Exhausted(_)));
    assert!(matches!(class(Errno::BADF), AcceptError::Broken(_)));
}
