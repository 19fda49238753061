//! What operators do with caches.

use std::net::SocketAddr;

use supervisors::CallError;

use super::Refusal;
use super::desk::{CacheSeat, Desk, seconds};
use super::view::{CacheOrder, CacheView, Caches, PoemView, Purged, RefreshView, Refreshes};
use crate::cache::{Freshness, Key, Listed, Purge, RefreshReply};
use crate::config::nearest;
use crate::event::Event;
use crate::message::{ListPoems, PurgePoems, RefreshPoem};

impl Desk {
    /// What the caches hold. One that does not answer (within 5 s, as any call) says why instead.
    pub async fn caches(&self) -> Caches {
        let mut caches = Vec::new();
        for seat in &self.caches {
            let (poems, error) = match seat.ports.list.call(ListPoems).await {
                Ok(listed) => (listed.iter().map(view).collect(), None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            caches.push(CacheView { proxy: seat.proxy.to_string(), poems, error });
        }
        Caches { caches }
    }

    /// Drops poems; those that are being sent are not cut. Without a key what failed is forgotten, too.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such proxy or poem, or a cache does not answer.
    pub async fn purge(&self, order: CacheOrder, peer: SocketAddr) -> Result<Purged, Refusal> {
        let seats = self.seats_of(&order)?;
        self.tell("purge", &order, peer);
        let mut purged = 0;
        match &order.key {
            None => {
                for seat in seats {
                    purged += seat.ports.purge.call(PurgePoems(Purge::All)).await.map_err(silent(seat))?;
                }
            }
            Some(wanted) => {
                for (seat, key) in kept(&seats, Some(wanted)).await? {
                    let purge = PurgePoems(Purge::Key(key));
                    purged += seat.ports.purge.call(purge).await.map_err(silent(seat))?;
                }
            }
        }
        Ok(Purged { purged })
    }

    /// Has poems that are kept fetched anew, in the background; until that is done, the kept ones are served.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such proxy or poem, or a cache does not answer.
    pub async fn refresh(&self, order: CacheOrder, peer: SocketAddr) -> Result<Refreshes, Refusal> {
        let seats = self.seats_of(&order)?;
        self.tell("refresh", &order, peer);
        let mut refreshes = Vec::new();
        for (seat, key) in kept(&seats, order.key.as_deref()).await? {
            let reply = seat.ports.refresh.call(RefreshPoem(key.clone())).await.map_err(silent(seat))?;
            let (fetching, outcome) = match reply {
                RefreshReply::Started(_) => (true, "started"),
                RefreshReply::Running(_) => (true, "running already"),
                RefreshReply::NotKept => (false, "it is kept no more"),
                RefreshReply::NoOriginal => {
                    (false, "its original is not kept, so nobody can ask for it again")
                }
                RefreshReply::Busy => (false, "too many fetches are under way"),
            };
            let (proxy, key) = (seat.proxy.to_string(), key.to_string());
            refreshes.push(RefreshView { proxy, key, fetching, outcome: outcome.into() });
        }
        Ok(Refreshes { refreshes })
    }

    fn seats_of(&self, order: &CacheOrder) -> Result<Vec<&CacheSeat>, Refusal> {
        let Some(wanted) = &order.proxy else { return Ok(self.caches.iter().collect()) };
        let found: Vec<_> = self.caches.iter().filter(|seat| *seat.proxy == **wanted).collect();
        if found.is_empty() {
            let near = nearest(wanted, self.caches.iter().map(|seat| &*seat.proxy));
            let near = near.map(str::to_owned).into_iter().collect();
            return Err(Refusal::NoProxy { wanted: wanted.clone(), near });
        }
        Ok(found)
    }

    fn tell(&self, what: &str, order: &CacheOrder, peer: SocketAddr) {
        let key = order.key.as_deref().unwrap_or("all that is kept");
        let proxy = order.proxy.as_deref().unwrap_or("every cache");
        let order = format!("{what} {key} in {proxy}");
        self.reporter.report(Event::Operator { peer, order });
    }
}

/// The poems that are kept, all or those of one key, each with its cache.
async fn kept<'a>(
    seats: &[&'a CacheSeat],
    wanted: Option<&str>,
) -> Result<Vec<(&'a CacheSeat, Key)>, Refusal> {
    let mut all = Vec::new();
    for seat in seats {
        let listed = seat.ports.list.call(ListPoems).await.map_err(silent(seat))?;
        all.extend(listed.into_iter().map(|listed| (*seat, listed.key)));
    }
    let Some(wanted) = wanted else { return Ok(all) };
    let (found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, key)| key.to_string() == wanted);
    if found.is_empty() {
        let keys: Vec<_> = others.iter().map(|(_, key)| key.to_string()).collect();
        let near = nearest(wanted, keys.iter().map(String::as_str)).map(str::to_owned);
        return Err(Refusal::NoPoem { wanted: wanted.to_owned(), near: near.into_iter().collect() });
    }
    Ok(found)
}

fn silent(seat: &CacheSeat) -> impl Fn(CallError) -> Refusal {
    let who = format!("{}/cache", seat.proxy);
    move |error| Refusal::NoAnswer { who: who.clone(), why: error.to_string() }
}

fn view(listed: &Listed) -> PoemView {
    let freshness = match listed.freshness {
        Freshness::Fresh => "fresh",
        Freshness::Refreshable => "stale",
        Freshness::IfError => "if all else fails",
        Freshness::Dead => "dead",
    };
    PoemView {
        key: listed.key.to_string(),
        bytes: listed.bytes,
        freshness: freshness.into(),
        age_seconds: seconds(listed.age),
        ttl_left_seconds: seconds(listed.ttl_left),
        hits: listed.hits,
        fetching: listed.fetching,
    }
}
