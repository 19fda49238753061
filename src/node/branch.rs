//! A branch of the tree, and its doors.

use std::sync::Arc;
use std::time::Duration;

use supervisors::Ref;
use supervisors::supervisor::{ChildId, DynamicSupervisor, Strategy, Supervisor, SupervisorRef};

use super::Plot;
use crate::actors::{ConnectionOptions, Limit, Listener, ListenerOptions, Service};
use crate::net::Bound;

/// A branch to be: its supervisor, and where the world comes in.
pub(super) struct Branch {
    pub(super) supervisor: Supervisor,
    pub(super) doors: Vec<Door>,
}

/// A listener and the connections it lets in: closed in that order.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) service: Arc<str>,
    pub(super) branch: SupervisorRef,
    pub(super) listener: ChildId,
    /// Whoever accepts there.
    pub(super) acceptor: Ref<Listener>,
    pub(super) connections: ChildId,
    pub(super) bound: Bound,
}

impl Plot<'_> {
    /// A branch's supervisor: what a child needs is started before it, and restarted with it.
    pub(super) fn supervisor(&self, id: impl Into<ChildId>) -> Supervisor {
        Supervisor::new(id)
            .strategy(Strategy::RestForOne)
            .intensity(self.config.node.intensity, self.config.node.period)
    }

    /// The bounds of a connection.
    pub(super) fn connection_options(&self) -> ConnectionOptions {
        let limits = &self.config.limits;
        ConnectionOptions {
            write_timeout: limits.write_timeout,
            idle_timeout: limits.idle_timeout,
            linger: limits.linger,
            drain: self.config.node.drain,
        }
    }

    /// Adds connections and listener to a branch.
    pub(super) fn door(
        &self,
        branch: Supervisor,
        service: &str,
        bound: &Bound,
        serve: Arc<dyn Service>,
        names: [&'static str; 2],
    ) -> (Supervisor, Door) {
        self.door_around(branch, service, bound, serve, names, |branch| branch)
    }

    /// Adds connections and listener to a branch, and between them what the connections need but need not die with.
    pub(super) fn door_around(
        &self,
        branch: Supervisor,
        service: &str,
        bound: &Bound,
        serve: Arc<dyn Service>,
        names: [&'static str; 2],
        between: impl FnOnce(Supervisor) -> Supervisor,
    ) -> (Supervisor, Door) {
        let limit = match self.config.limits.max_connections {
            Some(most) => Limit::new(most as usize),
            None => self.world.limit.clone(),
        };
        self.door_within(branch, limit, service, bound, serve, names, between)
    }

    /// The same, with a limit of its own.
    #[expect(clippy::too_many_arguments, reason = "each is one of the things that a door is made of")]
    pub(super) fn door_within(
        &self,
        branch: Supervisor,
        limit: Limit,
        service: &str,
        bound: &Bound,
        serve: Arc<dyn Service>,
        [connections, listener]: [&'static str; 2],
        between: impl FnOnce(Supervisor) -> Supervisor,
    ) -> (Supervisor, Door) {
        let dynamic = DynamicSupervisor::new(connections)
            .max_children(limit.most())
            // They are temporary: none is ever restarted, and none can end the branch.
            .intensity(0, Duration::from_secs(1));
        let listen = Listener::child_spec(
            listener,
            ListenerOptions {
                service: service.into(),
                bound: bound.clone(),
                limit,
                connections: dynamic.reference(),
                serve,
                reporter: self.world.reporter.clone(),
                pause: self.config.limits.accept_pause,
            },
        );
        let door = Door {
            service: service.into(),
            acceptor: listen.reference(),
            branch: branch.reference(),
            listener: listener.into(),
            connections: connections.into(),
            bound: bound.clone(),
        };
        (between(branch.child(dynamic)).child(listen), door)
    }
}
