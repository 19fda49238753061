//! Those who ask.

use std::sync::Arc;
use std::time::Duration;

use super::world::{Target, World};
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::client::Client;
use crate::lab::chronicle::{Chronicle, Fact};
use crate::lab::simulation::{Program, now};
use crate::message::NotTransformed;
use crate::net::Network;

/// One client's one wish.
pub(super) struct Visit {
    client: usize,
    at: Duration,
    target: Target,
}

/// How many ask at once for each thing when the storm is over: one for whom it is fetched, and two who wait with it.
const CROWD: usize = 3;

/// Those who come when the storm has long been over: each thing is asked for by a small crowd.
pub(super) struct Late {
    pub(super) from: Duration,
    /// The number of the first of them.
    pub(super) first: usize,
}

/// Whom `count` clients ask, and when within `length`: half of them in crowds, because that is what a cache is for.
pub(super) fn draw(rng: &mut fastrand::Rng, world: &World, count: usize, length: Duration) -> Vec<Visit> {
    let targets = world.targets();
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1);
    let (mut at, mut which) = (0, 0);
    (0..count)
        .map(|client| {
            if rng.bool() {
                (at, which) = (rng.u64(..millis), rng.usize(..targets.len()));
            }
            Visit { client, at: Duration::from_millis(at), target: targets[which].clone() }
        })
        .collect()
}

/// What all clients do.
pub(super) fn programs(
    visits: Vec<Visit>,
    late: &Late,
    world: &World,
    network: &Network,
    chronicle: &Chronicle,
) -> Vec<Program> {
    let crowds = world.targets().into_iter().flat_map(|target| {
        // Whoever follows a poem that is passed through may be cut off, if the others are much faster.
        let crowd = if target.is_held() { CROWD } else { 1 };
        std::iter::repeat_n(target, crowd)
    });
    let targets = crowds.enumerate();
    let late = targets.map(|(number, target)| Visit { client: late.first + number, at: late.from, target });
    let host: Arc<str> = "clients".into();
    let all = visits.into_iter().chain(late);
    all.map(|visit| Box::pin(visit.make(network.clone(), chronicle.clone(), Arc::clone(&host))) as Program)
        .collect()
}

impl Visit {
    async fn make(self, network: Network, chronicle: Chronicle, host: Arc<str>) {
        let Self { client, at, target } = self;
        // A clock of the host's that began with the simulation.
        tokio::time::sleep(at.saturating_sub(now())).await;
        chronicle.note(now(), &host, Fact::Asked { client, target: target.name });
        let answer = ask(network, &target).await.map(|poem| (poem.len(), poem == target.truth));
        chronicle.note(now(), &host, Fact::Got { client, target: target.name, answer });
    }
}

async fn ask(network: Network, target: &Target) -> Result<bytes::Bytes, String> {
    let exchange = ExchangeOptions {
        connect_timeout: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(12),
        timeout: Some(Duration::from_secs(22)),
    };
    let options = DownloadOptions { exchange, framing: target.framing, ..DownloadOptions::default() };
    let client = Client::default().network(network).options(options);
    match &target.transform {
        None => client.get_poetry(&target.server).await.map_err(|error| error.cause.to_string()),
        Some((name, poem)) => {
            let answer = client.apply(&target.server, name, poem.clone()).await;
            answer.map_err(|error| match error {
                NotTransformed::Unanswered { cause, .. } => cause.to_string(),
                other => other.to_string(),
            })
        }
    }
}
