//! `[HOST:]PORT`, both ways.

use std::net::IpAddr;

use proptest::prelude::*;

use crate::config::{AddressError, Host, HostPort};

/// Any host that can be written.
pub(super) fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<IpAddr>().prop_map(Host::Ip),
        "[a-z][a-z0-9_-]{0,10}(\\.[a-z][a-z0-9]{0,5}){0,3}\\.?".prop_map(Host::Name)
    ]
}

/// Any address that can be written.
pub(super) fn host_port() -> impl Strategy<Value = HostPort> {
    (host(), any::<u16>()).prop_map(|(host, port)| HostPort { host, port })
}

fn parse(text: &str) -> Result<HostPort, AddressError> {
    text.parse()
}

#[test]
fn a_port_alone_is_on_127_0_0_1() {
    assert_eq!(parse("10000").unwrap(), HostPort::loopback(10000));
    assert_eq!(parse("10000").unwrap().to_string(), "127.0.0.1:10000");
}

#[test]
fn hosts_are_addresses_or_names_and_ipv6_stands_in_brackets() {
    for text in ["10.0.0.1:80", "[::1]:80", "localhost:0", "poems.example.org:65535", "a_b-c.d.:1"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    assert_eq!("::1".parse::<Host>().unwrap(), "[::1]".parse::<Host>().unwrap());
}

#[test]
fn what_is_no_address_is_refused_in_one_line() {
    let port = |text: &str| format!("'{text}' is no port; a port is an integer from 0 to 65535");
    let host = |text: &str| {
        format!("'{text}' is no host; give a name, an IPv4 address, or an IPv6 address in brackets")
    };
    let brackets =
        |text: &str| format!("'{text}' looks like an IPv6 address without brackets; write [ADDRESS]:PORT");
    let cases = [
        ("", port("")),
        ("poem", port("poem")),
        ("65536", port("65536")),
        ("+80", port("+80")),
        ("-1", port("-1")),
        ("80.0", port("80.0")),
        ("localhost:", port("")),
        ("localhost:http", port("http")),
        (":80", host("")),
        ("256.0.0.1:80", host("256.0.0.1")),
        ("127.1:80", host("127.1")),
        ("a b:80", host("a b")),
        ("-a:80", host("-a")),
        ("a..b:80", host("a..b")),
        ("http://a:80", host("http://a")),
        ("[::1]", host("[::1]")),
        ("[localhost]:80", host("[localhost]")),
        ("::1", brackets("::1")),
        ("1:2:3:4:5:6:7:8:80", brackets("1:2:3:4:5:6:7:8:80")),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }
    let long_label = format!("{}:1", "a".repeat(64));
    assert!(parse(&long_label).is_err());
    let long_name = format!("{}a:1", "a.".repeat(127));
    assert!(parse(&long_name).is_err());
}

#[test]
fn port_0_can_be_listened_on_and_not_connected_to() {
    let error = parse("localhost:0").unwrap().connectable().unwrap_err();
    assert_eq!(error.to_string(), "'localhost:0' has port 0, which nobody can connect to");
    assert!(parse("localhost:1").unwrap().connectable().is_ok());
}

#[test]
fn listeners_collide_on_one_port_if_their_hosts_share_an_address() {
    let collide = |a: &str, b: &str| {
        let (a, b) = (parse(a).unwrap(), parse(b).unwrap());
        assert_eq!(a.collides(&b), b.collides(&a));
        a.collides(&b)
    };
    assert!(collide("80", "127.0.0.1:80"));
    assert!(collide("0.0.0.0:80", "127.0.0.1:80"));
    assert!(collide("[::]:80", "10.0.0.1:80"));
    assert!(collide("localhost:80", "[::1]:80"));
    assert!(collide("a.org:80", "A.org:80"));
    assert!(!collide("80", "81"));
    assert!(!collide("0", "0"));
    assert!(!collide("127.0.0.1:80", "127.0.0.2:80"));
    assert!(!collide("127.0.0.1:80", "[::1]:80"));
    assert!(!collide("a.org:80", "b.org:80"));
}

proptest! {
    #[test]
    fn an_address_reads_back_as_it_was_written(at in host_port()) {
        prop_assert_eq!(at.to_string().parse::<HostPort>(), Ok(at));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]:0-9a-f.%é ]{0,40}") {
        let _ = text.parse::<HostPort>();
    }
}
