use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::blocking::{self, BlockingServer};
use crate::reactor::testing::run;
use crate::reactor::{PollerKind, Reactor, Target};

/// Every way this module and its blocking neighbour can serve.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Engine {
    Reactor(PollerKind),
    Blocking,
}

const ENGINES: [Engine; 4] = [
    Engine::Reactor(PollerKind::Epoll),
    Engine::Reactor(PollerKind::Poll),
    Engine::Reactor(PollerKind::Select),
    Engine::Blocking,
];

/// A server in a thread of its own, until dropped.
struct Serving {
    address: SocketAddr,
    /// Clients that were lost.
    lost: mpsc::Receiver<String>,
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    fn start(engine: Engine, poem: &Bytes, options: &ServeOptions) -> Serving {
        let (tell, told) = mpsc::channel();
        let (tell_lost, lost) = mpsc::channel();
        let sink = move |event: &ServerEvent| {
            if let ServerEvent::Ended { failure: Some(why), .. } = event {
                // Most tests do not listen.
                let _ = tell_lost.send(why.clone());
            }
        };
        let (poem, options) = (poem.clone(), options.clone());
        match engine {
            Engine::Reactor(kind) => {
                let thread = std::thread::spawn(move || {
                    let reactor = Reactor::new(kind).unwrap();
                    let port = serve_poem(&reactor, poem, &options, sink).unwrap();
                    tell.send((port.host(), reactor.remote())).unwrap();
                    reactor.run().unwrap();
                });
                let (address, remote) = told.recv().unwrap();
                let stop = Box::new(move || remote.call(Reactor::stop).unwrap());
                Serving { address, lost, stop: Some(stop), thread: Some(thread) }
            }
            Engine::Blocking => {
                let server = BlockingServer::bind(&options).unwrap();
                let (address, stopper) = (server.address(), server.stopper());
                let thread = std::thread::spawn(move || server.serve(&poem, sink).unwrap());
                Serving { address, lost, stop: Some(Box::new(move || stopper.stop())), thread: Some(thread) }
            }
        }
    }

    fn target(&self) -> Target {
        self.address.into()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.take().unwrap()();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

/// All outcomes, and every event as the line it would print.
fn get(
    engine: Engine,
    servers: &[Target],
    options: &GetOptions,
) -> (Vec<Result<Bytes, GetError>>, Vec<String>) {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&lines);
    let note = move |event: &ClientEvent<'_>| sink.borrow_mut().push(event.to_string());
    let outcomes = match engine {
        Engine::Reactor(kind) => get_poems(kind, servers, options, note).unwrap(),
        Engine::Blocking => blocking::get_poems(servers, options, note),
    };
    (outcomes, lines.take())
}

fn poem(length: usize) -> Bytes {
    (0..length).map(|n| b"Nine bean-rows will I have there,\n"[n % 34]).collect::<Vec<u8>>().into()
}

fn slow(num_bytes: usize, millis: u64) -> Option<Pace> {
    Some(Pace { num_bytes: NonZeroUsize::new(num_bytes).unwrap(), delay: Duration::from_millis(millis) })
}

#[test]
fn every_server_gives_every_client_the_same_bytes_in_either_framing_fast_or_slow() {
    let text = poem(3003);
    for framing in [Framing::Raw, Framing::Netstring] {
        for pace in [None, slow(700, 1)] {
            for server in ENGINES {
                let serving =
                    Serving::start(server, &text, &ServeOptions { framing, pace, ..Default::default() });
                for client in ENGINES {
                    let options = GetOptions { framing, ..GetOptions::default() };
                    let (outcomes, lines) = get(client, &[serving.target()], &options);
                    let what = format!("{server:?} to {client:?}, {framing}, {pace:?}");
                    assert_eq!(outcomes[0].as_ref().unwrap(), &text, "{what}");
                    assert_eq!(
                        lines.first().unwrap(),
                        &format!("Task 1: get poetry from: {}", serving.target())
                    );
                    assert_eq!(lines.last().unwrap(), "Task 1: 3003 bytes of poetry", "{what}");
                    let got: usize = lines[1..lines.len() - 1]
                        .iter()
                        .map(|line| line.split(' ').nth(3).unwrap().parse::<usize>().unwrap())
                        .sum();
                    assert_eq!(got, 3003, "{what}: {lines:?}");
                }
            }
        }
    }
}

#[test]
fn a_long_poem_arrives_whole_from_every_server() {
    let text = poem(5_000_000);
    for server in ENGINES {
        let serving = Serving::start(server, &text, &ServeOptions::default());
        for client in ENGINES {
            let (outcomes, _) = get(client, &[serving.target()], &GetOptions::default());
            assert!(outcomes[0].as_ref().unwrap() == &text, "{server:?} to {client:?}");
        }
    }
}

#[test]
fn the_reactors_client_interleaves_its_tasks_and_the_blocking_one_does_not() {
    let serving: Vec<_> = (0..3)
        .map(|_| {
            let options = ServeOptions { pace: slow(100, 5), ..ServeOptions::default() };
            Serving::start(Engine::Reactor(PollerKind::Epoll), &poem(1000), &options)
        })
        .collect();
    let targets: Vec<_> = serving.iter().map(Serving::target).collect();
    let order = |engine| -> Vec<char> {
        let (_, lines) = get(engine, &targets, &GetOptions::default());
        lines.iter().filter(|line| line.contains("got")).map(|line| line.chars().nth(5).unwrap()).collect()
    };
    let changes = |order: &[char]| order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes(&order(Engine::Blocking)), 2);
    for kind in PollerKind::ALL {
        assert!(changes(&order(Engine::Reactor(kind))) > 2, "{kind}");
    }
}

#[test]
fn the_blocking_server_serves_one_client_at_a_time_and_the_reactors_any_number() {
    for (engine, expected) in [(Engine::Blocking, false), (Engine::Reactor(PollerKind::Epoll), true)] {
        let options = ServeOptions { pace: slow(1, 60_000), ..ServeOptions::default() };
        let serving = Serving::start(engine, &poem(10), &options);
        let mut first = TcpStream::connect(serving.address).unwrap();
        first.read_exact(&mut [0]).unwrap();
        // The first is in the middle of its poem, for a minute to come.
        let mut second = TcpStream::connect(serving.address).unwrap();
        second.set_read_timeout(Some(Duration::from_millis(if expected { 60_000 } else { 200 }))).unwrap();
        assert_eq!(second.read_exact(&mut [0]).is_ok(), expected, "{engine:?}");
    }
}

#[test]
fn a_failed_server_costs_its_own_task_only_and_says_who_and_why() {
    let text = poem(100);
    let serving = Serving::start(Engine::Reactor(PollerKind::Epoll), &text, &ServeOptions::default());
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Target::from(listener.local_addr().unwrap())
    };
    for client in ENGINES {
        let servers = [refused.clone(), serving.target(), ("no such name", 1).into()];
        let (outcomes, lines) = get(client, &servers, &GetOptions::default());
        assert!(
            matches!(&outcomes[0], Err(GetError::Connect { server, .. }) if *server == refused),
            "{client:?}"
        );
        assert_eq!(outcomes[1].as_ref().unwrap(), &text);
        assert!(matches!(&outcomes[2], Err(GetError::Connect { .. })), "{client:?}");
        assert!(
            lines.contains(&format!("Task 1: {refused} failed: cannot connect to {refused}")),
            "{lines:?}"
        );
    }
}

/// A server that accepts one client and does `talk` with it.
fn rogue(talk: impl FnOnce(TcpStream) + Send + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || talk(listener.accept().unwrap().0));
    address.into()
}

#[test]
fn a_reset_or_an_end_without_a_byte_is_never_a_poem() {
    for client in ENGINES {
        let reset = rogue(|mut stream| {
            stream.write_all(b"half a poem").unwrap();
            let _ = stream.read(&mut [0; 1]);
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        });
        // The reset must not overtake the half poem: the client leaves only when the time-out tells it to.
        let options = GetOptions { idle_timeout: Duration::from_millis(100), ..GetOptions::default() };
        let (outcomes, _) = get(client, &[reset], &options);
        assert!(matches!(&outcomes[0], Err(GetError::Idle { .. })), "{client:?}: {outcomes:?}");

        let crash = rogue(|mut stream| {
            stream.write_all(b"half a poem").unwrap();
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        });
        let (outcomes, _) = get(client, &[crash], &GetOptions::default());
        // On a busy machine the reset is there before the client has looked at its new connection.
        let failed = matches!(&outcomes[0], Err(GetError::Lost { .. } | GetError::Connect { .. }));
        assert!(failed, "{client:?}: {outcomes:?}");

        let (outcomes, _) = get(client, &[rogue(drop)], &GetOptions::default());
        assert!(matches!(&outcomes[0], Err(GetError::Malformed { .. })), "{client:?}: {outcomes:?}");
    }
}

#[test]
fn a_whole_takes_no_longer_than_its_time_out_though_bytes_keep_coming() {
    for client in ENGINES {
        let drip = rogue(|mut stream| while stream.write_all(b"drip ").is_ok() {});
        let timeout = Some(Duration::from_millis(200));
        let options = GetOptions { timeout, limit: usize::MAX, ..GetOptions::default() };
        let (outcomes, _) = get(client, &[drip], &options);
        assert!(matches!(&outcomes[0], Err(GetError::TimedOut { .. })), "{client:?}: {outcomes:?}");
    }
}

#[test]
fn a_poem_longer_than_the_limit_is_refused() {
    let serving = Serving::start(Engine::Blocking, &poem(1001), &ServeOptions::default());
    for client in ENGINES {
        let options = GetOptions { limit: 1000, ..GetOptions::default() };
        let (outcomes, _) = get(client, &[serving.target()], &options);
        assert!(matches!(&outcomes[0], Err(GetError::Malformed { .. })), "{client:?}: {outcomes:?}");
    }
}

#[test]
fn a_client_that_sends_a_request_and_half_closes_is_sent_the_whole_poem_by_every_server() {
    let text = poem(500_000);
    for engine in ENGINES {
        for pace in [None, slow(50_000, 5)] {
            let serving = Serving::start(engine, &text, &ServeOptions { pace, ..ServeOptions::default() });
            let mut stream = TcpStream::connect(serving.address).unwrap();
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            assert!(all == text, "{engine:?}, {pace:?}: {} bytes", all.len());
        }
    }
}

#[test]
fn a_client_that_never_reads_is_reset_after_the_stall_limit_by_every_server() {
    let text = poem(30_000_000);
    for engine in ENGINES {
        let options = ServeOptions { stall: Duration::from_millis(100), ..ServeOptions::default() };
        let serving = Serving::start(engine, &text, &options);
        let mut stuck = TcpStream::connect(serving.address).unwrap();
        let why = serving.lost.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(why.contains("took nothing for"), "{engine:?}: {why}");
        let error = stuck.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{engine:?}");
    }
}

/// Names the half of the next test that serves in a process of its own, to be killed.
const CHILD: &str = "VERSE_TEST_SERVE_UNTIL_KILLED";

#[test]
fn sigkill_in_mid_poem_is_seen_by_every_client_of_every_server() {
    if let Ok(engine) = std::env::var(CHILD) {
        let engine = ENGINES.into_iter().find(|it| format!("{it:?}") == engine).unwrap();
        let options = ServeOptions { pace: slow(10, 60_000), ..ServeOptions::default() };
        let serving = Serving::start(engine, &poem(1000), &options);
        println!("\nserving on {}", serving.address);
        // Killed long before.
        return std::thread::park_timeout(Duration::from_secs(60));
    }
    for server in ENGINES {
        for client in [Engine::Reactor(PollerKind::Epoll), Engine::Blocking] {
            let name =
                "reactor::programs::tests::sigkill_in_mid_poem_is_seen_by_every_client_of_every_server";
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(CHILD, format!("{server:?}"))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let address: SocketAddr = lines
                .find_map(|line| line.unwrap().strip_prefix("serving on ").map(|it| it.parse().unwrap()))
                .unwrap();
            let mut child = Some(child);
            let sink = move |event: &ClientEvent<'_>| {
                if matches!(event, ClientEvent::Data { .. })
                    && let Some(mut child) = child.take()
                {
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
            };
            let outcomes = match client {
                Engine::Reactor(kind) => {
                    get_poems(kind, &[address.into()], &GetOptions::default(), sink).unwrap()
                }
                Engine::Blocking => blocking::get_poems(&[address.into()], &GetOptions::default(), sink),
            };
            assert!(
                matches!(&outcomes[0], Err(GetError::Lost { bytes: 10, .. })),
                "{server:?} to {client:?}: {outcomes:?}"
            );
        }
    }
}

#[test]
fn hundreds_of_clients_at_once_get_the_whole_poem() {
    let text = poem(20_000);
    for kind in PollerKind::ALL {
        let serving = Serving::start(Engine::Reactor(kind), &text, &ServeOptions::default());
        let servers = vec![serving.target(); 300];
        let (outcomes, _) = get(Engine::Reactor(kind), &servers, &GetOptions::default());
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap() == &text), "{kind}");
    }
}

#[test]
fn a_paused_download_takes_nothing_and_cannot_be_idle_until_it_is_resumed() {
    // An idle time-out so long that no other call is due as late.
    let hour = Duration::from_secs(3600);
    for kind in PollerKind::ALL {
        let (reactor, text) = (Reactor::new(kind).unwrap(), poem(20_000_000));
        let port = serve_poem(&reactor, text.clone(), &ServeOptions::default(), |_| ()).unwrap();
        let (slot, came) = (Rc::new(RefCell::new(None::<Download>)), Rc::new(RefCell::new(0)));
        let (inside, count, handle) = (Rc::clone(&slot), Rc::clone(&came), reactor.clone());
        let watched = reactor.clone();
        let is_watched =
            move || watched.delayed_calls().iter().any(|call| call.due() > watched.now() + hour / 2);
        let on_data = move |bytes: &[u8]| {
            let is_first = *count.borrow() == 0;
            *count.borrow_mut() += bytes.len();
            if is_first {
                assert!(is_watched());
                let download = inside.borrow().clone().unwrap();
                download.pause();
                assert!(!is_watched());
                let (then, at, is_watched) = (Rc::clone(&count), *count.borrow(), is_watched.clone());
                handle.call_later(Duration::from_millis(20), move || {
                    assert_eq!(*then.borrow(), at, "nothing came meanwhile");
                    download.resume();
                    assert!(is_watched());
                });
            }
        };
        let (told, stop) = (Rc::new(RefCell::new(None)), reactor.clone());
        let tell = Rc::clone(&told);
        let done = move |outcome| {
            *tell.borrow_mut() = Some(outcome);
            let _ = stop.stop();
        };
        let options = GetOptions { idle_timeout: hour, ..GetOptions::default() };
        *slot.borrow_mut() = Some(get_poetry(&reactor, port.host(), &options, on_data, done));
        run(&reactor);
        assert!(told.take().unwrap().unwrap() == text, "{kind}");
    }
}

#[test]
fn a_cancelled_download_tells_at_once_and_closes_its_connection() {
    let reactor = Reactor::new(PollerKind::default()).unwrap();
    let options = ServeOptions { pace: slow(10, 60_000), ..ServeOptions::default() };
    let ended = Rc::new(RefCell::new(None));
    let (note, stop) = (Rc::clone(&ended), reactor.clone());
    let port = serve_poem(&reactor, poem(100), &options, move |event| {
        if let ServerEvent::Ended { failure, .. } = event {
            *note.borrow_mut() = Some(failure.clone());
            let _ = stop.stop();
        }
    })
    .unwrap();
    let slot = Rc::new(RefCell::new(None::<Download>));
    let told = Rc::new(RefCell::new(None));
    let (inside, tell) = (Rc::clone(&slot), Rc::clone(&told));
    let check = Rc::clone(&told);
    let on_data = move |_: &[u8]| {
        inside.borrow().as_ref().unwrap().cancel();
        assert!(check.borrow().is_some(), "told before cancel returned");
    };
    let done = move |outcome| *tell.borrow_mut() = Some(outcome);
    *slot.borrow_mut() = Some(get_poetry(&reactor, port.host(), &GetOptions::default(), on_data, done));
    run(&reactor);
    assert!(matches!(told.take(), Some(Err(GetError::Cancelled { .. }))));
    assert!(ended.take().unwrap().is_some(), "the server knows that its client does not have the poem");
}
