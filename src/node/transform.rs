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
