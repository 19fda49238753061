//! Many servers at once, on a scripted network and a paused clock.

use supervisors::Process;
use tokio::task::LocalSet;

use super::*;
use crate::actors::scripted::{Answer, Scripted, Step};
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::transform::Fault;

type Transform = Option<(TransformWith, String)>;

fn run<T>(test: impl AsyncFnOnce(Node) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    // The clock runs only while everybody waits: a test that would hang reaches this at once.
    let deadline = Duration::from_secs(24 * 3600);
    let test = async { tokio::time::timeout(deadline, test(Node::builder().seed(1).build())).await };
    LocalSet::new().block_on(&runtime, test).expect("it comes to its end")
}

async fn gather(net: &Scripted, node: &Node, ports: &[u16], transform: Transform) -> Gathering {
    let servers = ports.iter().map(|port| HostPort::loopback(*port)).collect();
    let client = Client::default().network(net.network());
    client.gather(node, servers, transform).await.expect("the tree starts")
}

/// One line an end, in the order in which they came: task, seconds, outcome.
async fn ends(gathering: &mut Gathering) -> Vec<String> {
    let mut ends = Vec::new();
    while let Some(update) = gathering.next().await {
        let Update::Done { task, took, outcome } = update else { continue };
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let outcome = match outcome {
            Outcome::Poem { poem, received } => format!("{} ({received} bytes)", text(&poem)),
            Outcome::Untransformed { original, cause } => {
                format!("{} untransformed: {cause}", text(&original))
            }
            Outcome::Failed(DownloadError { server, cause }) => format!("nothing from {server}: {cause}"),
        };
        ends.push(format!("{task} {} {outcome}", took.as_secs()));
    }
    ends
}

/// The process at `path` of the client's tree, once it runs.
async fn process(gathering: &Gathering, path: &str) -> Process {
    for _ in 0..10_000 {
        if let Some(process) = gathering.root.tree().find(path).and_then(|node| node.process.clone()) {
            return process;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} never runs");
}

fn local(function: impl Fn(&str) -> Result<String, Fault> + Send + Sync + 'static) -> Transform {
    let mut service = TransformService::empty();
    service.register("test", "for tests", move |poem, _| function(poem)).expect("a good name");
    Some((TransformWith::Local(service), "test".to_owned()))
}

#[test]
fn all_poems_take_the_time_of_the_slowest_not_the_sum() {
    run(async |node| {
        let slow = |seconds| [Step::send("a "), Step::wait(seconds), Step::send("poem")];
        let net = Scripted::default().server(1, slow(30)).server(2, slow(10)).server(3, slow(20));
        let mut gathering = gather(&net, &node, &[1, 2, 3], None).await;
        let expected = ["1 10 a poem (6 bytes)", "2 20 a poem (6 bytes)", "0 30 a poem (6 bytes)"];
        assert_eq!(ends(&mut gathering).await, expected);
        assert_eq!(node.now(), Duration::from_secs(30));
    });
}

#[test]
fn progress_is_told_in_pieces_before_the_end() {
    run(async |node| {
        let net = Scripted::default().server(1, [Step::send("one "), Step::wait(1), Step::send("two")]);
        let mut gathering = gather(&net, &node, &[1], None).await;
        let mut pieces = Vec::new();
        while let Some(Update::Progress { task: 0, piece, announced: None }) = gathering.next().await {
            pieces.push(piece);
        }
        assert_eq!(pieces, ["one ", "two"]);
        assert!(gathering.next().await.is_none(), "the end was the last news");
    });
}

#[test]
fn a_server_that_fails_is_nothing_to_the_others() {
    run(async |node| {
        let net = Scripted::default()
            .server(1, [Step::send("true"), Step::wait(1), Step::Reset])
            .server(2, [Step::wait(2), Step::send("true")])
            .server(4, [Step::Silence]);
        let mut gathering = gather(&net, &node, &[1, 2, 3, 4], None).await;
        let expected = [
            "2 0 nothing from 127.0.0.1:3: connection refused",
            "0 1 nothing from 127.0.0.1:1: after 4 bytes: connection reset",
            "1 2 true (4 bytes)",
            "3 60 nothing from 127.0.0.1:4: after 0 bytes: nothing for 1m",
        ];
        assert_eq!(ends(&mut gathering).await, expected);
    });
}

#[test]
fn a_download_that_panics_or_is_killed_is_a_failed_task_and_nothing_to_the_others() {
    run(async |node| {
        let wait = || [Step::wait(5), Step::send("true")];
        let net = Scripted::default().server(1, wait()).server(2, wait()).server(3, wait());
        let mut gathering = gather(&net, &node, &[1, 2, 3], None).await;
        process(&gathering, "downloads/download-1").await.crash("as asked");
        process(&gathering, "downloads/download-2").await.kill();
        let ends = ends(&mut gathering).await;
        assert!(ends[0].starts_with("0 0 nothing from 127.0.0.1:1: its process ended: panicked"), "{ends:?}");
        assert!(ends[0].ends_with("as asked"), "{ends:?}");
        assert_eq!(
            ends[1..],
            ["1 0 nothing from 127.0.0.1:2: its process ended: killed", "2 5 true (4 bytes)"]
        );
        assert_eq!(net.open(), 0);
    });
}

#[test]
fn every_server_has_an_end_even_if_the_gatherer_dies() {
    run(async |node| {
        let net = Scripted::default().server(1, [Step::send("true")]).server(2, [Step::Silence]);
        let mut gathering = gather(&net, &node, &[1, 2], None).await;
        while !matches!(gathering.next().await, Some(Update::Done { task: 0, .. })) {}
        process(&gathering, "gatherer").await.kill();
        let expected = "1 0 nothing from 127.0.0.1:2: its process ended: whoever gathers the poems is gone";
        assert_eq!(ends(&mut gathering).await, [expected]);
    });
}

#[test]
fn what_is_cancelled_ends_at_once_and_what_is_dropped_closes_its_connections() {
    run(async |node| {
        let net =
            Scripted::default().server(1, [Step::send("half"), Step::Silence]).server(2, [Step::Silence]);
        let mut gathering = gather(&net, &node, &[1, 2], None).await;
        assert!(matches!(gathering.next().await, Some(Update::Progress { task: 0, .. })));
        gathering.cancel();
        let expected = ["0 0 nothing from 127.0.0.1:1: cancelled", "1 0 nothing from 127.0.0.1:2: cancelled"];
        assert_eq!(ends(&mut gathering).await, expected);

        let gathering = gather(&net, &node, &[1, 2], None).await;
        let root = gathering.root.process().expect("it runs");
        process(&gathering, "downloads/download-2").await;
        drop(gathering);
        root.exited().await;
        assert_eq!((net.open(), node.now()), (0, Duration::ZERO));
    });
}

#[test]
fn no_servers_are_no_news() {
    run(async |node| {
        let mut gathering = gather(&Scripted::default(), &node, &[], None).await;
        assert!(gathering.next().await.is_none());
    });
}

#[test]
fn a_local_transform_has_the_three_outcomes_of_client_5_0() {
    let outcome = |function: fn(&str) -> Result<String, Fault>| {
        run(async |node| {
            let net = Scripted::default().server(1, [Step::send("TRUE")]);
            ends(&mut gather(&net, &node, &[1], local(function)).await).await.remove(0)
        })
    };
    assert_eq!(outcome(|poem| Ok(poem.to_lowercase() + " (now longer)")), "0 0 true (now longer) (4 bytes)");
    let gibberish = outcome(|_| Err(Fault::Gibberish));
    assert_eq!(gibberish, "0 0 nothing from 127.0.0.1:1: cannot test: this is gibberish, not a poem");
    let failed = outcome(|_| Err("no such rhyme".into()));
    assert_eq!(failed, "0 0 TRUE untransformed: cannot test: no such rhyme");
}

#[test]
fn a_local_transform_that_panics_is_a_failed_transform_and_nothing_to_the_others() {
    run(async |node| {
        let net =
            Scripted::default().server(1, [Step::send("A")]).server(2, [Step::wait(1), Step::send("B")]);
        let panics = local(|poem| if poem == "A" { panic!("on fire") } else { Ok(poem.to_lowercase()) });
        let ends = ends(&mut gather(&net, &node, &[1, 2], panics).await).await;
        assert!(ends[0].starts_with("0 0 A untransformed: panicked at "), "{ends:?}");
        assert!(ends[0].ends_with(": on fire"), "{ends:?}");
        assert_eq!(ends[1..], ["1 1 b (1 bytes)"]);
    });
}

#[test]
fn a_service_that_fails_in_whatever_way_leaves_the_original() {
    let with = |port| Some((TransformWith::Service(HostPort::loopback(port)), "cummingsify".to_owned()));
    let by = |answer: Answer| {
        run(async |node| {
            let service = "127.0.0.1:9".parse().unwrap();
            let net = Scripted::default().server(1, [Step::send("TRUE")]).at(service, answer);
            ends(&mut gather(&net, &node, &[1], with(9)).await).await.remove(0)
        })
    };
    assert_eq!(by(Answer::Accept(vec![Step::send("4:true,")])), "0 0 true (4 bytes)");
    let left = "TRUE untransformed: cannot have it transformed by 127.0.0.1:9";
    assert_eq!(by(Answer::Refuse), format!("0 0 {left}"));
    assert_eq!(by(Answer::Nothing), format!("0 10 {left}"));
    assert_eq!(by(Answer::Accept(vec![Step::End])), format!("0 0 {left}"));
    assert_eq!(by(Answer::Accept(vec![Step::Reset])), format!("0 0 {left}"));
    assert_eq!(by(Answer::Accept(vec![Step::Silence])), format!("0 60 {left}"));
    assert_eq!(by(Answer::Accept(vec![Step::send("4:tr"), Step::End])), format!("0 0 {left}"));
}

#[test]
fn the_total_time_out_bounds_download_and_transform_together() {
    run(async |node| {
        let net =
            Scripted::default().server(1, [Step::wait(20), Step::send("TRUE")]).server(2, [Step::Silence]);
        let exchange =
            ExchangeOptions { timeout: Some(Duration::from_secs(30)), ..ExchangeOptions::default() };
        let options = DownloadOptions { exchange, ..DownloadOptions::default() };
        let client = Client::default().network(net.network()).options(options);
        let transform = Some((TransformWith::Service(HostPort::loopback(2)), "shout".to_owned()));
        let gathering = client.gather(&node, vec![HostPort::loopback(1)], transform).await;
        let ends = ends(&mut gathering.expect("the tree starts")).await;
        assert_eq!(ends, ["0 30 TRUE untransformed: cannot have it transformed by 127.0.0.1:2"]);
    });
}
