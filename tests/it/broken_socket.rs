//! A listening socket that is broken for good, under the real program: the tree restarts, gives up, and tells why.

use std::net::SocketAddr;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockRef, Type};

use crate::harness::{End, PlainClient, Verse, is_refused};

/// More descriptors than the program has open here.
const DESCRIPTORS: i32 = 64;

/// Shuts the program's listening socket down from outside, as its parent may: any `accept` on it fails from then on.
/// `false`, and a line that says so, where the system does not let a parent do that.
fn break_socket(verse: &Verse, address: SocketAddr) -> bool {
    let open = pidfd_open(verse.pid(), PidfdFlags::empty());
    let process = match open {
        Ok(process) => process,
        Err(error) => {
            eprintln!("skipped: no pidfd_open here: {error}");
            return false;
        }
    };
    for number in 0..DESCRIPTORS {
        let copy = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(copy) => copy,
            Err(rustix::io::Errno::BADF) => continue,
            Err(error) => {
                eprintln!("skipped: no pidfd_getfd here: {error}");
                return false;
            }
        };
        let socket = SockRef::from(&copy);
        let listens = socket.r#type().is_ok_and(|kind| kind == Type::STREAM)
            && socket.is_listener().unwrap_or(false)
            && socket.local_addr().ok().and_then(|at| at.as_socket()) == Some(address);
        if listens {
            socket.shutdown(std::net::Shutdown::Both).expect("a listening socket can be shut down");
            return true;
        }
    }
    panic!("none of its descriptors listens on {address}");
}

#[test]
fn a_node_whose_socket_is_broken_for_good_gives_up_with_its_own_exit_code_and_tells_why() {
    let (mut verse, address) = Verse::serve(&["serve", "poetry/science.txt"]);
    let mut client = PlainClient::connect(address);
    assert_eq!(client.read_to_end(), End::Clean);
    drop(client);
    if !break_socket(&verse, address) {
        return;
    }
    verse.says("science cannot accept: the listening socket is broken: Invalid argument");
    let ended = verse.wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let last = ended.last_words();
    assert!(last.starts_with("verse serve: the supervision tree gave up"), "{last}");
    for told in [
        "science cannot accept: the listening socket is broken: Invalid argument",
        "poems/science: gave up: listener crashed more often than allowed",
        "poems: gave up: science crashed more often than allowed",
        "the root: gave up: poems crashed more often than allowed",
    ] {
        assert!(last.contains(told), "{told} is not told: {last}");
    }
    let restarts = ended.stderr.iter().filter(|line| line.contains("restarting listener, attempt")).count();
    assert_eq!(restarts, 5 * 6 * 6, "five restarts in each life of the branch");
    assert!(is_refused(address));
}

#[test]
fn the_poems_of_other_sockets_are_sent_to_their_end_when_the_tree_gives_up() {
    let mut verse = Verse::start(&[
        "serve",
        "poetry/science.txt",
        "poetry/fascination.txt",
        "--num-bytes",
        "100",
        "--delay",
        "0.1",
    ]);
    let [broken, other] = verse.serving(2)[..] else { panic!("two listen") };
    let mut client = PlainClient::connect(other);
    client.read_until(100);
    if !break_socket(&verse, broken) {
        return;
    }
    assert_eq!(client.read_to_end(), End::Clean);
    assert_eq!(client.got, std::fs::read("poetry/fascination.txt").expect("it is there"));
    drop(client);
    assert_eq!(verse.wait().code, Some(4));
}
