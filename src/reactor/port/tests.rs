use std::cell::RefCell;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use crate::reactor::testing::{Script, Trace, reactor, reporting, run, stop_later};
use crate::reactor::{Factory, ListenOptions, PollerKind, Port, Protocol, Reactor, Transport};

const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn first_byte(to: SocketAddr) -> std::thread::JoinHandle<std::io::Result<usize>> {
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.read(&mut [0])
    })
}

#[test]
fn tw_104_a_taken_address_is_refused_at_once_and_names_itself() {
    let reactor = reactor();
    let port = Script::new().serve(&reactor);
    assert_ne!(port.host().port(), 0);
    let again = reactor.listen_tcp(port.host(), Rc::new(Script::new()), &ListenOptions::default());
    let error = again.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", port.host()));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("in use"));
}

#[test]
fn tw_104_stop_listening_frees_the_address_and_accepted_connections_live_on() {
    let (reactor, trace) = (reactor(), Trace::default());
    let slot = Rc::new(RefCell::new(None::<Port>));
    let (inside, made) = (Rc::clone(&slot), trace.clone());
    let port = Script::new()
        .made(move |transport| {
            let port = inside.borrow().clone().unwrap();
            port.stop_listening();
            port.stop_listening();
            made.push(format!("listening {}, open {}", port.is_listening(), port.connections()));
            let again = Script::new().made(|_| panic!("nobody connects to the second one"));
            let options = ListenOptions::default();
            transport.reactor().listen_tcp(port.host(), Rc::new(again), &options).unwrap().stop_listening();
            transport.write("!");
            transport.lose_connection();
        })
        .lost({
            let reactor = reactor.clone();
            move |_| drop(reactor.stop())
        })
        .serve(&reactor);
    *slot.borrow_mut() = Some(port.clone());
    let client = first_byte(port.host());
    run(&reactor);
    assert_eq!(client.join().unwrap().unwrap(), 1);
    assert_eq!(trace.take(), ["listening false, open 1"]);
    assert_eq!(port.connections(), 0);
}

/// Notes what its life is.
struct Noted {
    trace: Trace,
    turn_away: bool,
}

impl Factory for Noted {
    fn start_factory(&self) {
        self.trace.push("start");
    }

    fn stop_factory(&self) {
        self.trace.push("stop");
    }

    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        self.trace.push("build");
        if self.turn_away { None } else { Some(Box::new(Script::new())) }
    }
}

#[test]
fn tw_088_a_factory_that_builds_no_protocol_turns_the_connection_away_at_once() {
    let (reactor, trace) = (reactor(), Trace::default());
    let factory = Rc::new(Noted { trace: trace.clone(), turn_away: true });
    let port = reactor.listen_tcp(LOOPBACK.into(), factory, &ListenOptions::default()).unwrap();
    let (client, remote) = (first_byte(port.host()), reactor.remote());
    let waiting = std::thread::spawn(move || {
        let end = client.join().unwrap();
        remote.call(Reactor::stop).unwrap();
        end
    });
    run(&reactor);
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(trace.take(), ["start", "build", "stop"]);
}

#[test]
fn tw_089_a_factory_of_two_ports_is_started_before_the_first_and_stopped_after_the_last() {
    let (reactor, trace) = (reactor(), Trace::default());
    let factory = Rc::new(Noted { trace: trace.clone(), turn_away: false });
    let listen = || reactor.listen_tcp(LOOPBACK.into(), factory.clone(), &ListenOptions::default()).unwrap();
    let (one, two) = (listen(), listen());
    assert_eq!(trace.take(), ["start"]);
    one.stop_listening();
    assert_eq!(trace.len(), 0);
    two.stop_listening();
    assert_eq!(trace.take(), ["stop"]);
    listen().stop_listening();
    assert_eq!(trace.take(), ["start", "stop"]);
}

#[test]
fn a_factory_that_panics_costs_one_connection_and_not_the_port() {
    struct Moody(RefCell<bool>);
    impl Factory for Moody {
        fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
            assert!(self.0.replace(true), "not in the mood");
            Some(Box::new(Script::new().made(|transport| {
                transport.write("!");
                stop_later(transport.reactor(), 20);
                transport.lose_connection();
            })))
        }
    }
    let (reactor, trace) = reporting();
    let factory = Rc::new(Moody(RefCell::new(false)));
    let port = reactor.listen_tcp(LOOPBACK.into(), factory, &ListenOptions::default()).unwrap();
    let to = port.host();
    let clients = std::thread::spawn(move || {
        let first = first_byte(to).join().unwrap().unwrap_err().kind();
        (first, first_byte(to).join().unwrap().unwrap())
    });
    run(&reactor);
    assert_eq!(clients.join().unwrap(), (std::io::ErrorKind::ConnectionReset, 1));
    let trace = trace.take();
    assert_eq!(trace.len(), 1);
    assert!(trace[0].contains("in build_protocol") && trace[0].ends_with("not in the mood"), "{trace:?}");
}

/// `max` is never exceeded, whoever waits is served when there is room.
#[test]
fn connections_beyond_the_limit_wait_and_are_served_as_others_end() {
    for kind in PollerKind::ALL {
        let reactor = Reactor::new(kind).unwrap();
        let options = ListenOptions { max_connections: Some(2), ..ListenOptions::default() };
        let most = Rc::new(RefCell::new((0, 0)));
        let (up, down) = (Rc::clone(&most), Rc::clone(&most));
        let script = Script::new()
            .made(move |transport| {
                let mut counts = up.borrow_mut();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
                let transport: Transport = transport.clone();
                transport.reactor().clone().call_later(Duration::from_millis(5), move || {
                    transport.write("!");
                    transport.lose_connection();
                });
            })
            .lost(move |_| down.borrow_mut().0 -= 1);
        let port = reactor.listen_tcp(LOOPBACK.into(), Rc::new(script), &options).unwrap();
        let (to, remote) = (port.host(), reactor.remote());
        let clients = std::thread::spawn(move || {
            let all: Vec<_> = (0..9).map(|_| first_byte(to)).collect();
            let all: Vec<_> = all.into_iter().map(|client| client.join().unwrap().unwrap()).collect();
            remote.call(Reactor::stop).unwrap();
            all
        });
        run(&reactor);
        assert_eq!(clients.join().unwrap(), [1; 9], "{kind}");
        assert_eq!(most.borrow().1, 2, "{kind}");
    }
}

/// Names the half of the next test that runs in a process of its own, so that the limit hits nobody else.
const CHILD: &str = "VERSE_TEST_EXHAUST_DESCRIPTORS";

#[test]
fn tw_105_out_of_descriptors_the_waiting_are_turned_away_and_the_port_survives() {
    if std::env::var_os(CHILD).is_some() {
        return exhausted();
    }
    let name =
        "reactor::port::tests::tw_105_out_of_descriptors_the_waiting_are_turned_away_and_the_port_survives";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

fn exhausted() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let (reactor, trace) = reporting();
    let held = Rc::new(RefCell::new(Vec::new()));
    let hold = Rc::clone(&held);
    let port = Script::new()
        .made(move |transport| {
            transport.write("!");
            hold.borrow_mut().push(transport.clone());
        })
        .serve(&reactor);
    let to = port.host();
    // The clients' sockets exist before the limit does: only accepting is short of descriptors.
    let sockets: Vec<_> = (0..40)
        .map(|_| socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap())
        .collect();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(open + 10), maximum: hard }).unwrap();
    let remote = reactor.remote();
    let clients = std::thread::spawn(move || {
        let (mut served, mut turned_away) = (Vec::new(), 0);
        for socket in sockets {
            socket.connect(&to.into()).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let mut stream = TcpStream::from(socket);
            match stream.read(&mut [0]) {
                Ok(1) => served.push(stream),
                Ok(_) => panic!("turned away with what looks like a good end"),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => turned_away += 1,
                Err(error) => panic!("{error}"),
            }
        }
        // Room again: the port must still be there.
        let many = served.len();
        setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
        // The turn that turned the last one away may still be looking for more to turn away: the next turn is not.
        let (tell, told) = std::sync::mpsc::channel();
        remote.call(move |_| tell.send(())).unwrap();
        told.recv().unwrap();
        let again = TcpStream::connect(to).and_then(|mut stream| stream.read(&mut [0])).unwrap();
        remote.call(Reactor::stop).unwrap();
        (many, turned_away, again)
    });
    run(&reactor);
    let (served, turned_away, again) = clients.join().unwrap();
    assert!(served >= 5 && turned_away >= 5 && served + turned_away == 40, "{served} + {turned_away}");
    assert_eq!(again, 1);
    let trace = trace.take();
    assert!(!trace.is_empty() && trace.iter().all(|line| line.contains("Too many open files")), "{trace:?}");
}
