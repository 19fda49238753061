use std::cell::RefCell;
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use super::{MultiService, Service, ServiceError, ServiceNode, TcpServer, TimerService};
use crate::deferred::{Deferred, Failure, fail, succeed, unhandled::Collected};
use crate::reactor::testing::{Script, Trace, reactor, until};
use crate::reactor::{Clock, Handled, ListenOptions};

/// Notes what is done with it.
struct Noting {
    name: &'static str,
    trace: Trace,
    start: fn() -> Handled,
    stop: Box<dyn Fn() -> Deferred<()>>,
}

impl Service for Noting {
    fn privileged_start(&self) -> Handled {
        self.trace.push(format!("{} privileged", self.name));
        Ok(())
    }

    fn start(&self) -> Handled {
        self.trace.push(format!("{} start", self.name));
        (self.start)()
    }

    fn stop(&self) -> Deferred<()> {
        self.trace.push(format!("{} stop", self.name));
        (self.stop)()
    }
}

fn noting(name: &'static str, trace: &Trace) -> Noting {
    Noting { name, trace: trace.clone(), start: || Ok(()), stop: Box::new(|| succeed(())) }
}

fn family(trace: &Trace, names: &[&'static str]) -> MultiService {
    let parent = MultiService::new();
    for name in names {
        parent.add(&ServiceNode::named(name, noting(name, trace))).unwrap();
    }
    parent
}

#[test]
fn tw_116_a_child_is_running_when_its_later_sibling_starts_and_a_double_start_is_not_prevented() {
    struct Asking(Rc<RefCell<Option<ServiceNode>>>, Trace);
    impl Service for Asking {
        fn start(&self) -> Handled {
            self.1.push(format!("sibling running: {}", self.0.borrow().as_ref().unwrap().is_running()));
            Ok(())
        }
    }
    let trace = Trace::default();
    let first = ServiceNode::new(noting("first", &trace));
    let parent = MultiService::new();
    parent.add(&first).unwrap();
    parent.add(&ServiceNode::new(Asking(Rc::new(RefCell::new(Some(first.clone()))), trace.clone()))).unwrap();
    assert!(!first.is_running());
    parent.start().unwrap();
    parent.start().unwrap();
    let expected = ["first start", "sibling running: true", "first start", "sibling running: true"];
    assert_eq!(trace.take(), expected);
    assert!(parent.stop_all().called());
    assert!(!first.is_running() && !parent.is_running());
}

#[test]
fn tw_117_children_start_in_order_and_stop_in_reverse_all_at_once() {
    let trace = Trace::default();
    let parent = family(&trace, &["a", "b"]);
    let slow = Deferred::new();
    let waiting = slow.clone();
    let last = Noting { stop: Box::new(move || waiting.clone()), ..noting("c", &trace) };
    parent.add(&ServiceNode::new(last)).unwrap();
    parent.privileged_start().unwrap();
    parent.start().unwrap();
    assert_eq!(
        trace.take(),
        ["a privileged", "b privileged", "c privileged", "a start", "b start", "c start"]
    );
    let stopped = parent.stop_all();
    assert_eq!(trace.take(), ["c stop", "b stop", "a stop"]);
    assert!(stopped.take_result().is_none(), "one has not stopped yet");
    slow.callback(()).unwrap();
    assert_eq!(stopped.take_result().unwrap().unwrap().len(), 3);
}

#[test]
fn tw_118_a_child_that_does_not_start_ends_the_start_and_nobody_is_stopped_for_it() {
    let trace = Trace::default();
    let parent = family(&trace, &["a"]);
    let broken = ServiceNode::new(Noting { start: || Err("no paper".into()), ..noting("b", &trace) });
    parent.add(&broken).unwrap();
    parent.add(&ServiceNode::new(noting("c", &trace))).unwrap();
    assert_eq!(parent.start().unwrap_err().to_string(), "no paper");
    assert_eq!(trace.take(), ["a start", "b start"]);
    assert!(parent.is_running() && parent.get("a").unwrap().is_running());
}

#[test]
fn tw_118_a_child_that_does_not_stop_keeps_nobody_and_its_failure_is_reported() {
    let reports = Collected::begin();
    let trace = Trace::default();
    let parent = family(&trace, &["a"]);
    let fails = Noting { stop: Box::new(|| fail(std::fmt::Error)), ..noting("b", &trace) };
    let panics = Noting { stop: Box::new(|| panic!("stuck")), ..noting("c", &trace) };
    parent.add(&ServiceNode::new(fails)).unwrap();
    parent.add(&ServiceNode::new(panics)).unwrap();
    parent.start().unwrap();
    trace.take();
    let results = parent.stop_all().take_result().unwrap().unwrap();
    assert_eq!(trace.take(), ["c stop", "b stop", "a stop"]);
    let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
    assert_eq!(failed, [true, true, false]);
    assert!(results[0].as_ref().is_err_and(Failure::is_panic));
    assert_eq!(reports.take().len(), 2);
}

#[test]
fn tw_119_added_to_a_running_parent_it_starts_at_once_and_to_a_stopped_one_it_does_not() {
    let trace = Trace::default();
    let parent = family(&trace, &["a"]);
    assert_eq!(trace.len(), 0);
    parent.start().unwrap();
    trace.take();
    parent.add(&ServiceNode::new(noting("b", &trace))).unwrap();
    assert_eq!(trace.take(), ["b privileged", "b start"]);
    let broken = ServiceNode::new(Noting { start: || Err("no paper".into()), ..noting("c", &trace) });
    assert_eq!(parent.add(&broken), Err(ServiceError::NotStarted("no paper".to_owned())));
    assert_eq!(parent.services().len(), 3);
}

#[test]
fn tw_120_disowned_by_a_running_parent_it_is_stopped_and_by_a_stopped_one_it_is_not() {
    let trace = Trace::default();
    let parent = family(&trace, &["a", "b"]);
    let (a, b) = (parent.get("a").unwrap(), parent.get("b").unwrap());
    assert!(a.disown().unwrap().called());
    assert_eq!(trace.len(), 0);
    parent.start().unwrap();
    trace.take();
    let other = MultiService::new();
    b.set_parent(&other).unwrap();
    assert_eq!(trace.take(), ["b stop"]);
    assert!(parent.services().is_empty() && !b.is_running());
    assert_eq!(other.services().len(), 1);
    assert!(b.parent().is_some() && a.parent().is_none());
}

#[test]
fn tw_121_names_are_unique_within_a_parent_and_fixed_while_there_is_one() {
    let trace = Trace::default();
    let parent = family(&trace, &["a"]);
    let twin = ServiceNode::named("a", noting("a", &trace));
    assert_eq!(parent.add(&twin), Err(ServiceError::DuplicateName("a".to_owned())));
    assert!(twin.parent().is_none());
    assert_eq!(parent.services().len(), 1);
    let a = parent.get("a").unwrap();
    assert_eq!(a.set_name("b"), Err(ServiceError::HasParent));
    assert_eq!(parent.get("b").unwrap_err(), ServiceError::NoSuchService("b".to_owned()));
    assert_eq!(parent.remove(&twin).unwrap_err(), ServiceError::NotAChild);
    assert_eq!(twin.disown().unwrap_err(), ServiceError::NotAChild);
    twin.set_name("b").unwrap();
    parent.add(&twin).unwrap();
    assert!(parent.get("b").is_ok());
}

#[test]
fn tw_122_a_tcp_server_listens_from_its_privileged_start_or_else_its_start_and_can_be_restarted() {
    let reactor = reactor();
    let loopback = ([127, 0, 0, 1], 0).into();
    let script = Rc::new(Script::new().made(crate::reactor::Transport::lose_connection));
    let server = TcpServer::new(&reactor, loopback, script.clone(), ListenOptions::default());
    let node = ServiceNode::new(server.clone());
    let parent = MultiService::new();
    parent.add(&node).unwrap();
    for privileged in [true, false, true] {
        assert!(server.port().is_none());
        if privileged {
            parent.privileged_start().unwrap();
            assert!(server.port().is_some());
        }
        parent.start().unwrap();
        let port = server.port().unwrap();
        let client = TcpStream::connect(port.host()).unwrap();
        until(&reactor, || port.connections() == 1);
        drop(client);
        assert!(parent.stop_all().called());
        assert!(!port.is_listening());
    }
    // A port that is taken is an error of the start.
    let taken = script.as_ref().clone().serve(&reactor);
    let second = TcpServer::new(&reactor, taken.host(), script, ListenOptions::default());
    assert!(ServiceNode::new(second).start().is_err());
}

#[test]
fn tw_123_a_timer_service_calls_at_its_start_and_a_call_that_fails_ends_the_loop_only() {
    let reports = Collected::begin();
    let (clock, trace) = (Clock::new(), Trace::default());
    let (notes, time) = (trace.clone(), clock.clone());
    let timer = TimerService::new(&clock, Duration::from_secs(1), move || {
        notes.push(format!("{:?}", time.now()));
        if time.now() == Duration::from_secs(2) { Err("ran dry") } else { Ok(()) }
    });
    let node = ServiceNode::new(timer.clone());
    node.start().unwrap();
    for _ in 0..5 {
        clock.advance(Duration::from_secs(1)).unwrap();
    }
    assert_eq!(trace.take(), ["0ns", "1s", "2s"]);
    assert!(node.is_running() && !timer.is_looping());
    assert!(node.stop().called());
    assert_eq!(reports.take().len(), 1);
    // Started again, it is a new loop.
    node.start().unwrap();
    assert!(timer.is_looping());
    assert_eq!(trace.take(), ["5s"]);
    assert!(node.stop().called());
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn tw_123_stop_waits_for_the_call_under_way() {
    let clock = Clock::new();
    let under_way = Deferred::<()>::new();
    let returned = under_way.clone();
    let node = ServiceNode::new(TimerService::new(&clock, Duration::from_secs(1), move || returned.clone()));
    node.start().unwrap();
    let stopped = node.stop();
    assert!(stopped.take_result().is_none());
    under_way.callback(()).unwrap();
    assert!(stopped.take_result().unwrap().is_ok());
}
