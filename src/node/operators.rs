//! The branch of those who operate the node: so far, the admin port.
//!
//! ```text
//! ops (one_for_one)
//! `- admin (rest_for_one)   connections, listener
//! ```

use std::sync::Arc;

use supervisors::supervisor::{Strategy, Supervisor, SupervisorRef};

use super::branch::Door;
use super::sockets::Sockets;
use super::{Plot, ServiceId, StartNodeError};
use crate::actors::Limit;
use crate::net::Bound;
use crate::ops::Lifecycle;
use crate::ops::admin::token::{Token, make_default_path};
use crate::ops::admin::{Admin, CacheSeat, Desk, MAX_CONNECTIONS, Seat};

/// What of the admin port outlives its processes.
#[derive(Debug)]
pub(super) struct AdminPort {
    pub(super) bound: Bound,
    pub(super) token: Arc<Token>,
}

/// What operators see of a node and may do to it.
pub(super) fn desk(
    plot: &Plot<'_>,
    root: SupervisorRef,
    lifecycle: &Lifecycle,
    doors: &[Door],
    caches: &[CacheSeat],
) -> Desk {
    let seat = |door: &Door| Seat {
        service: Arc::clone(&door.service),
        address: door.bound.address(),
        listener: door.acceptor.clone(),
    };
    Desk {
        root,
        lifecycle: lifecycle.clone(),
        seats: doors.iter().map(seat).collect(),
        caches: caches.to_vec(),
        reporter: plot.world.reporter.clone(),
        drain: plot.config.node.drain,
    }
}

/// The branch, if the configuration has an admin port; its token is in its file then.
///
/// # Errors
/// [`StartNodeError::Token`].
pub(super) fn branch(
    plot: &Plot<'_>,
    desk: Desk,
    sockets: &Sockets,
) -> Result<(Option<Supervisor>, Option<AdminPort>), StartNodeError> {
    let Some(bound) = sockets.find(ServiceId::Admin) else { return Ok((None, None)) };
    let path = match &plot.config.node.admin_token {
        Some(path) => path.clone(),
        None => make_default_path(bound.address().port())?,
    };
    let token = Arc::new(Token::create(&path)?);
    let serve = Arc::new(Admin { desk, token: Arc::clone(&token) });
    let limit = Limit::new(MAX_CONNECTIONS);
    let names = ["connections", "listener"];
    let admin = plot.supervisor("admin");
    let (admin, _) = plot.door_within(admin, limit, "admin", bound, serve, names, |branch| branch);
    let ops = plot.supervisor("ops").strategy(Strategy::OneForOne).child(admin);
    Ok((Some(ops), Some(AdminPort { bound: bound.clone(), token })))
}
