//! The branch of the transform service: workers, connections, listener, and the same again for the second protocol.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use supervisors::supervisor::DynamicSupervisor;

use super::branch::Branch;
use super::sockets::Sockets;
use super::{Plot, ServiceId};
use crate::actors::{Lines, Netstrings, TransformServing, TransformServingOptions, WorkerOptions, Workers};
use crate::config::TransformConfig;
use crate::transform::TransformService;

/// The branch called `transform`, with `service` behind both protocols.
pub(super) fn branch(
    plot: &Plot<'_>,
    config: &TransformConfig,
    service: TransformService,
    sockets: &Sockets,
) -> Branch {
    // One generator for all lives of the branch: a restart goes on with the chance, it does not repeat it.
    let chance = match config.seed {
        Some(seed) => Rng::with_seed(seed),
        None => plot.world.reporter.node().random(),
    };
    // Bounded by permits, which wait where a supervisor could only refuse. Temporary children: none is restarted.
    let dynamic = DynamicSupervisor::new("workers").intensity(0, Duration::from_secs(1));
    let workers = WorkerOptions { most: config.workers as usize, deadline: config.deadline };
    let workers = Workers::new(service, dynamic.reference(), workers, chance);
    let options = TransformServingOptions {
        connection: plot.connection_options(),
        requests: if config.keep_alive { config.keep_alive_requests } else { 1 },
        longest: usize::try_from(plot.config.limits.max_request).unwrap_or(usize::MAX),
        request_timeout: plot.config.limits.request_timeout,
    };
    let supervisor = plot.supervisor("transform").child(dynamic);
    let netstrings = TransformServing::<Netstrings>::new(workers.clone(), options);
    let bound = sockets.of(ServiceId::Transform);
    let names = ["connections", "listener"];
    let (mut supervisor, door) = plot.door(supervisor, "transform", bound, Arc::new(netstrings), names);
    let mut doors = vec![door];
    if config.lines_listen.is_some() {
        let lines = TransformServing::<Lines>::new(workers, options);
        let bound = sockets.of(ServiceId::TransformLines);
        let names = ["lines-connections", "lines-listener"];
        let door;
        (supervisor, door) = plot.door(supervisor, "transform lines", bound, Arc::new(lines), names);
        doors.push(door);
    }
    Branch { supervisor, doors }
}

#[cfg(test)]
mod tests {
    use supervisors::supervisor::TreeNode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::LocalSet;

    use crate::actors::Limit;
    use crate::config::{Config, HostPort, TransformConfig};
    use crate::event::Reporter;
    use crate::node::{RunningNode, ServiceId, World, start};

    /// Runs `test` on a node that is a transform service and nothing else.
    fn run<T>(node_seed: u64, seed: Option<u64>, test: impl AsyncFnOnce(RunningNode) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transform =
            TransformConfig { lines_listen: Some(HostPort::loopback(0)), seed, ..TransformConfig::default() };
        let config = Config { transform: Some(transform), ..Config::default() };
        let limit = Limit::new(100);
        LocalSet::new().block_on(&runtime, async {
            let reporter = Reporter::new(|node| node.seed(node_seed));
            let world = World { reporter, limit, ..World::default() };
            test(start(&config, &[], world).await.expect("it starts")).await
        })
    }

    async fn ask(node: &RunningNode, service: ServiceId, text: &str) -> String {
        let mut client = TcpStream::connect(node.address(service).unwrap()).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[test]
    fn whoever_is_needed_is_started_before_who_needs_it() {
        run(1, None, async |node| {
            let tree = node.tree();
            let branch = tree.find("transform").expect("it has the branch");
            let mut children: Vec<&TreeNode> = branch.children.iter().collect();
            children.sort_by_key(|child| child.process.as_ref().map(supervisors::Process::pid));
            let ids: Vec<_> = children.iter().map(|child| child.id.as_str()).collect();
            assert_eq!(ids, ["workers", "connections", "listener", "lines-connections", "lines-listener"]);
        });
    }

    #[test]
    fn the_branch_survives_a_crash_of_its_workers_supervisor() {
        run(1, None, async |node| {
            let process = |id: &str| {
                let tree = node.tree();
                let child = tree.find(&format!("transform/{id}"));
                child.and_then(|child| child.process.clone()).filter(supervisors::Process::is_alive)
            };
            let (before, last) = (process("workers").unwrap(), process("lines-listener").unwrap());
            before.crash("as asked");
            for _ in 0..100_000 {
                // The last child is a new one: the branch is whole again.
                if process("lines-listener").is_some_and(|now| now != last) {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(ask(&node, ServiceId::Transform, "7:shout.a,").await, "1:A,");
            assert_eq!(ask(&node, ServiceId::TransformLines, "shout 1\na").await, "OK 1\nA");
            assert!(process("workers").is_some_and(|now| now != before));
            assert_eq!(node.drain().await.cut, 0);
        });
    }

    #[test]
    fn the_seed_of_the_service_decides_or_else_that_of_the_node() {
        let byronified = |node_seed, seed| {
            run(node_seed, seed, async |node| {
                let mut answers = Vec::new();
                for _ in 0..12 {
                    answers.push(ask(&node, ServiceId::TransformLines, "byronify 5\nPoem.").await);
                }
                answers
            })
        };
        assert_eq!(byronified(1, Some(7)), byronified(2, Some(7)));
        assert_eq!(byronified(1, None), byronified(1, None));
        assert_ne!(byronified(1, None), byronified(2, None));
        assert_ne!(byronified(1, Some(7)), byronified(1, Some(8)));
    }
}
