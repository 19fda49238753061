//! The listening sockets of a node: all bound before anything starts, or none.

use std::net::SocketAddr;

use super::{Listening, ServiceId};
use crate::config::{Config, Host, HostPort};
use crate::net::{Bound, ListenOptions, NetError, Network};

/// Every socket, with whose it is, in the order of the configuration.
pub(super) struct Sockets(Vec<(ServiceId, Bound)>);

impl Sockets {
    pub(super) async fn bind(config: &Config, network: &Network) -> Result<Self, NetError> {
        let backlog = i32::try_from(config.limits.backlog).unwrap_or(i32::MAX);
        let mut sockets = Vec::new();
        for (service, at) in addresses(config) {
            let address = resolve(network, at).await?;
            sockets.push((service, network.bind(address, ListenOptions { backlog })?));
        }
        Ok(Self(sockets))
    }

    /// The socket of a service of the same configuration.
    pub(super) fn of(&self, service: ServiceId) -> &Bound {
        self.find(service).expect("every service of the configuration has a socket")
    }

    /// The same, of one that there may be.
    pub(super) fn find(&self, service: ServiceId) -> Option<&Bound> {
        self.0.iter().find(|(id, _)| *id == service).map(|(_, bound)| bound)
    }

    pub(super) fn listening(&self) -> Vec<Listening> {
        self.0
            .iter()
            .map(|(service, bound)| Listening { service: *service, address: bound.address() })
            .collect()
    }
}

fn addresses(config: &Config) -> impl Iterator<Item = (ServiceId, &HostPort)> {
    let poems = config.poems.iter().enumerate().map(|(n, poem)| (ServiceId::Poem(n), &poem.listen));
    let transform = config.transform.iter().map(|it| (ServiceId::Transform, &it.listen));
    let lines =
        config.transform.iter().filter_map(|it| Some((ServiceId::TransformLines, it.lines_listen.as_ref()?)));
    let proxies = config.proxies.iter().enumerate().map(|(n, it)| (ServiceId::Proxy(n), &it.listen));
    let admin = config.node.admin.iter().map(|at| (ServiceId::Admin, at));
    poems.chain(transform).chain(lines).chain(proxies).chain(admin)
}

/// A name listens on its first address.
async fn resolve(network: &Network, at: &HostPort) -> Result<SocketAddr, NetError> {
    match &at.host {
        Host::Ip(ip) => Ok(SocketAddr::new(*ip, at.port)),
        Host::Name(name) => {
            let found = network.resolve(name, at.port).await?;
            Ok(*found.first().expect("a name that is found has an address"))
        }
    }
}
