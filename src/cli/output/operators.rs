//! What an admin port has answered, in words.

use super::columns::{Align, clock, columns, counted};
use crate::config::HostPort;
use crate::ops::Phase;
use crate::ops::admin::view::{
    CacheView, Caches, DrainView, Killed, Live, PoemView, Purged, Ready, Refreshes, Tree,
};

/// The widest line of a table.
const WIDTH: usize = 100;

/// How a node is: a line for the whole, a line a listener, and what went wrong lately.
pub fn status(at: &HostPort, live: &Live, ready: &Ready, tree: &Tree) -> String {
    let all: Vec<_> = tree.tree.all().collect();
    let left_out: usize = all.iter().map(|process| process.left_out).sum();
    let processes = all.iter().filter(|process| process.pid.is_some()).count() + left_out;
    let restarts = all.iter().map(|process| process.restarts).sum();
    let mut text = format!(
        "{} at {at}: {}, {}, {}, up {}, {}, {}\n",
        tree.node,
        if live.live { "alive" } else { "its root supervisor does not answer" },
        if ready.ready { "ready" } else { "not ready" },
        ready.phase,
        clock(ready.uptime_seconds),
        counted(processes as u64, "process", "processes"),
        counted(restarts, "restart", "restarts"),
    );
    let mut rows = vec![["listener", "address", "state"].map(str::to_owned)];
    rows.extend(ready.listeners.iter().map(|listener| {
        let state = match (listener.up, ready.phase > Phase::Serving) {
            (true, _) => "listens",
            (false, true) => "closed",
            (false, false) => "is being started again",
        };
        [listener.service.clone(), listener.address.clone(), state.to_owned()]
    }));
    push(&mut text, columns(&rows, [Align::Left; 3], WIDTH));
    if !tree.troubles.is_empty() {
        text.push_str("Lately:\n");
        push(&mut text, tree.troubles.iter().map(|trouble| format!("  {trouble}")));
    }
    text
}

/// What became of a kill.
pub fn killed(killed: &Killed) -> String {
    let Killed { path, pid, restart, ended } = killed;
    if !ended {
        return format!("{path} {pid} is told to end and has not yet; verse ctl tree shows when.\n");
    }
    let next = match (restart.as_str(), path.rsplit_once('/')) {
        ("temporary", _) => "it is not started again".to_owned(),
        (_, Some((supervisor, _))) => format!("{supervisor} starts it again"),
        (_, None) => "the root starts it again".to_owned(),
    };
    format!("Killed {path} {pid}: {next}.\n")
}

/// That a drain was asked for.
pub fn draining(drain: &DrainView) -> String {
    let patience = drain.drain_seconds;
    format!("Draining: no new connections, the others may finish for {patience} s.\n")
}

/// What caches hold, a table each.
pub fn caches(caches: &Caches) -> String {
    if caches.caches.is_empty() {
        return "The node has no proxy, and so no cache.\n".to_owned();
    }
    let mut text = String::new();
    for cache in &caches.caches {
        one(cache, &mut text);
    }
    text
}

fn one(cache: &CacheView, text: &mut String) {
    let proxy = &cache.proxy;
    if let Some(error) = &cache.error {
        text.push_str(&format!("{proxy}: its cache does not answer: {error}\n"));
        return;
    }
    let bytes: usize = cache.poems.iter().map(|poem| poem.bytes).sum();
    let poems = counted(cache.poems.len() as u64, "poem", "poems");
    text.push_str(&format!("{proxy}: {poems}, {}\n", counted(bytes as u64, "byte", "bytes")));
    if cache.poems.is_empty() {
        return;
    }
    let mut rows = vec![["key", "bytes", "state", "age", "fresh for", "hits", ""].map(str::to_owned)];
    rows.extend(cache.poems.iter().map(row));
    let (left, right) = (Align::Left, Align::Right);
    // Keys are what a purge is told, so no line is cut: a digest is longer than that.
    push(text, columns(&rows, [left, right, left, right, right, right, left], usize::MAX));
}

fn row(poem: &PoemView) -> [String; 7] {
    [
        poem.key.clone(),
        poem.bytes.to_string(),
        poem.freshness.clone(),
        clock(poem.age_seconds),
        clock(poem.ttl_left_seconds),
        poem.hits.to_string(),
        if poem.fetching { "is being fetched".to_owned() } else { String::new() },
    ]
}

/// How many poems were dropped.
pub fn purged(purged: &Purged) -> String {
    format!("Dropped {}.\n", counted(purged.purged as u64, "poem", "poems"))
}

/// What became of each wish, a line a poem.
pub fn refreshes(refreshes: &Refreshes) -> String {
    if refreshes.refreshes.is_empty() {
        return "No cache holds anything.\n".to_owned();
    }
    let line = |it: &crate::ops::admin::view::RefreshView| {
        let what = if it.fetching { "is fetched anew" } else { "is not fetched anew" };
        format!("{} in {} {what}: {}\n", it.key, it.proxy, it.outcome)
    };
    refreshes.refreshes.iter().map(line).collect()
}

fn push(text: &mut String, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_says_whether_somebody_comes_after() {
        let line = |path: &str, restart: &str, ended| {
            killed(&Killed { path: path.into(), pid: "<0.9>".into(), restart: restart.into(), ended })
        };
        assert_eq!(
            line("proxy/cache", "permanent", true),
            "Killed proxy/cache <0.9>: proxy starts it again.\n"
        );
        assert_eq!(line("proxy", "permanent", true), "Killed proxy <0.9>: the root starts it again.\n");
        let connection = line("proxy/connections/connection", "temporary", true);
        assert!(connection.ends_with(": it is not started again.\n"), "{connection}");
        assert!(line("proxy", "permanent", false).contains("has not yet"));
    }

    #[test]
    fn a_cache_is_a_table_whose_keys_are_whole() {
        let poem = PoemView {
            key: "127.0.0.1:10004".into(),
            bytes: 657,
            freshness: "fresh".into(),
            age_seconds: 61.4,
            ttl_left_seconds: 7139.0,
            hits: 3,
            fetching: true,
        };
        let other = PoemView { key: "k".repeat(120), hits: 0, fetching: false, ..poem.clone() };
        let cache = CacheView { proxy: "proxy".into(), poems: vec![poem.clone()], error: None };
        let expected = "\
proxy: 1 poem, 657 bytes
key              bytes  state      age  fresh for  hits
127.0.0.1:10004    657  fresh  0:01:01    1:58:59     3  is being fetched
";
        assert_eq!(caches(&Caches { caches: vec![cache.clone()] }), expected);
        let more = CacheView { poems: vec![poem, other.clone()], ..cache };
        assert!(caches(&Caches { caches: vec![more] }).contains(&other.key));
    }
}
