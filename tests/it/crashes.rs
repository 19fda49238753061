//! One process of the tree panics or is killed: only what depends on it ends, as the tree says, and nobody's poem is
//! cut without his knowing.

use std::net::TcpStream;
use std::time::Duration;

use supervisors::{ExitReason, Process};
use verse::config::Pace;
use verse::event::{Event, Phase};

use crate::harness::{End, GRACE, Setup, TestClient, TestNode, drips, frozen, is_refused, is_sent, within};

const DELAY: Duration = Duration::from_millis(100);
const PACE: Pace = Pace::Slow { num_bytes: 100, delay: DELAY };

/// Both ways to end a process that has done nothing wrong.
const FAULTS: [fn(&Process); 2] = [|process| process.crash("a fault of the test"), Process::kill];

/// Two slow poems, and each fault in a node of its own.
fn with_each_fault(test: impl AsyncFn(TestNode, fn(&Process))) {
    for fault in FAULTS {
        frozen(async {
            let setup = Setup::new().embedded("ecstasy", PACE).embedded("science", PACE);
            test(setup.start().await, fault).await;
        });
    }
}

/// A client that has the first drip, and the process that serves it.
async fn guest(node: &TestNode, title: &str) -> (TestClient, Process) {
    let mut client = TestClient::connect(node.address(title)).await;
    client.read_until(100).await;
    let process = node.connections(title).pop().expect("it is served");
    (client, process)
}

/// Commits the fault and waits for the end of the process.
async fn strike(fault: fn(&Process), process: &Process) {
    fault(process);
    let reason = within("the end of the process", process.exited()).await;
    assert!(matches!(reason, ExitReason::Killed | ExitReason::Panicked { .. }), "{reason}");
}

/// Lets time go on until these clients, who have the first drip, have their poems and have left.
async fn all_served(node: &mut TestNode, title: &str, mut clients: Vec<TestClient>) {
    let drips = drips(node.text(title).len(), 100);
    for drip in 2..=drips {
        node.advance(DELAY).await;
        for client in &mut clients {
            client.read_until(node.text(title).len().min(drip * 100)).await;
        }
    }
    for client in &mut clients {
        assert_eq!(client.read_to_end().await, End::Clean, "{title}");
        assert!(client.got == node.text(title), "{title}: {} bytes", client.got.len());
    }
    drop(clients);
    node.advance(GRACE).await;
}

/// How often each was restarted, in the order of the paths.
fn restarts<const N: usize>(node: &TestNode, paths: [&str; N]) -> [u64; N] {
    paths.map(|path| node.child(path).restarts)
}

const ECSTASY: [&str; 5] =
    ["poems", "poems/ecstasy", "poems/ecstasy/source", "poems/ecstasy/connections", "poems/ecstasy/listener"];

fn is_down(service: &str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::ListenerDown { service: which, .. } if **which == *service)
}

fn is_up(service: &str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::ListenerUp { service: which, .. } if **which == *service)
}

#[test]
fn a_crashed_connection_is_reset_and_the_others_never_notice() {
    with_each_fault(async |mut node, fault| {
        let (first, _) = guest(&node, "ecstasy").await;
        let (mut victim, process) = guest(&node, "ecstasy").await;
        let (third, _) = guest(&node, "ecstasy").await;
        let other = guest(&node, "science").await.0;
        strike(fault, &process).await;
        assert_eq!(victim.read_to_end().await, End::Reset, "half a poem is no poem");
        assert_eq!(victim.got.len(), 100);
        let told = node.entered(victim.address(), |phase| matches!(phase, Phase::Reset { .. }));
        assert!(told.is_some(), "its end is an event");
        all_served(&mut node, "ecstasy", vec![first, third]).await;
        let mut other = [other];
        other[0].read_until(node.text("science").len()).await;
        assert_eq!(other[0].read_to_end().await, End::Clean);
        assert_eq!(restarts(&node, ECSTASY), [0; 5], "a connection is not restarted, and nobody with it");
    });
}

#[test]
fn clients_that_came_while_the_listener_was_down_are_served() {
    with_each_fault(async |mut node, fault| {
        let (guest, _) = guest(&node, "ecstasy").await;
        let listener = node.process("poems/ecstasy/listener");
        fault(&listener);
        // From here to the next `await` the listener is doomed and has no turn: these wait in the backlog.
        let waiting: Vec<TcpStream> = (0..20)
            .map(|_| TcpStream::connect(node.address("ecstasy")).expect("the socket listens"))
            .collect();
        let peers: Vec<_> = waiting.iter().map(|stream| stream.local_addr().expect("connected")).collect();
        node.until("the end of the listener", 1, is_down("ecstasy")).await;
        node.until("first drips for those who waited", 21, is_sent).await;
        for peer in peers {
            assert!(node.entered(peer, |phase| *phase == Phase::Sending).is_some());
        }
        let mut waiting: Vec<TestClient> = waiting.into_iter().map(TestClient::from).collect();
        for client in &mut waiting {
            client.read_until(100).await;
        }
        waiting.push(guest);
        all_served(&mut node, "ecstasy", waiting).await;
        assert_eq!(restarts(&node, ECSTASY), [0, 0, 0, 0, 1]);
    });
}

#[test]
fn a_crash_of_the_source_lets_those_in_mid_poem_finish_and_then_serves_those_who_came_meanwhile() {
    with_each_fault(async |mut node, fault| {
        let (guest, _) = guest(&node, "ecstasy").await;
        strike(fault, &node.process("poems/ecstasy/source")).await;
        node.until("the end of the listener", 1, is_down("ecstasy")).await;
        let mut late = TestClient::connect(node.address("ecstasy")).await;
        all_served(&mut node, "ecstasy", vec![guest]).await;
        late.read_until(100).await;
        all_served(&mut node, "ecstasy", vec![late]).await;
        assert_eq!(restarts(&node, ECSTASY), [0, 0, 1, 1, 1], "what was started after it needs it");
    });
}

#[test]
fn a_crash_of_the_connections_supervisor_resets_its_clients_and_no_others() {
    with_each_fault(async |mut node, fault| {
        let (mut victim, _) = guest(&node, "ecstasy").await;
        let (other, _) = guest(&node, "science").await;
        strike(fault, &node.process("poems/ecstasy/connections")).await;
        assert_eq!(victim.read_to_end().await, End::Reset);
        node.until("the new listener", 2, is_up("ecstasy")).await;
        let (again, _) = guest(&node, "ecstasy").await;
        all_served(&mut node, "science", vec![other]).await;
        assert_eq!(restarts(&node, ECSTASY), [0, 0, 0, 1, 1]);
        drop(again);
    });
}

#[test]
fn a_crash_of_a_poems_branch_lets_those_in_mid_poem_finish_and_starts_the_branch_anew_and_no_other() {
    with_each_fault(async |mut node, fault| {
        let (first, _) = guest(&node, "ecstasy").await;
        strike(fault, &node.process("poems/ecstasy")).await;
        node.until("the end of the listener", 1, is_down("ecstasy")).await;
        let mut late = TestClient::connect(node.address("ecstasy")).await;
        let (mut other, _) = guest(&node, "science").await;
        // The connections' supervisor has lost its own, and ends in good order (OTP-133).
        all_served(&mut node, "ecstasy", vec![first]).await;
        node.until("the new listener", 2, is_up("ecstasy")).await;
        late.read_until(100).await;
        all_served(&mut node, "ecstasy", vec![late]).await;
        assert_eq!(other.read_to_end().await, End::Clean);
        assert_eq!(other.got, node.text("science"));
        assert_eq!(restarts(&node, ECSTASY), [0, 1, 0, 0, 0], "its children are new, not restarted");
        assert_eq!(restarts(&node, ["poems/science", "poems/science/listener"]), [0, 0]);
    });
}

#[test]
fn a_crash_of_all_poems_lets_those_in_mid_poem_finish_and_serves_again() {
    with_each_fault(async |mut node, fault| {
        let (first, _) = guest(&node, "ecstasy").await;
        strike(fault, &node.process("poems")).await;
        for title in ["ecstasy", "science"] {
            node.until("the end of the listener", 1, is_down(title)).await;
        }
        all_served(&mut node, "ecstasy", vec![first]).await;
        for title in ["ecstasy", "science"] {
            node.until("the new listener", 2, is_up(title)).await;
            let (again, _) = guest(&node, title).await;
            drop(again);
        }
        assert_eq!(restarts(&node, ["poems", "poems/ecstasy"]), [1, 0]);
    });
}

#[test]
fn a_killed_node_resets_everybody_and_listens_no_more() {
    frozen(async {
        let node = Setup::new().embedded("ecstasy", PACE).start().await;
        let (mut guest, _) = guest(&node, "ecstasy").await;
        node.node.kill().await;
        assert_eq!(guest.read_to_end().await, End::Reset);
        assert!(is_refused(node.address("ecstasy")), "nobody can be left waiting");
    });
}
