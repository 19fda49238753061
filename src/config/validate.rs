//! What no table can judge alone: addresses, titles and upstreams that must go together, and the checks of
//! bounds that the tables share.

use std::fmt::Display;
use std::time::Duration;

use super::key::{KeyPath, Table};
use super::{Config, Invalid, Upstream, format_duration, format_size};

/// The shortest time-out: the resolution of the node's timers.
pub(super) const MIN_WAIT: Duration = Duration::from_millis(1);

/// The longest wait: a day.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Most tables of a kind: each is a branch of the tree.
const MAX_TABLES: usize = 1024;

/// Judges a configuration; the first refusal in the order of the tables.
pub(super) fn config(config: &Config) -> Result<(), Invalid> {
    config.node.check()?;
    config.limits.check()?;
    if config.poems.is_empty() && config.transform.is_none() && config.proxies.is_empty() {
        return refuse(
            Table::File.key(""),
            "nothing to serve; give a [[poem]], a [transform] or a [[proxy]]",
        );
    }
    number_of_tables("poem", config.poems.len())?;
    number_of_tables("proxy", config.proxies.len())?;
    for (index, poem) in config.poems.iter().enumerate() {
        poem.check(Table::Poem(index))?;
    }
    if let Some(transform) = &config.transform {
        transform.check()?;
    }
    for (index, proxy) in config.proxies.iter().enumerate() {
        proxy.check(Table::Proxy(index))?;
    }
    titles(config)?;
    addresses(config)?;
    upstreams(config)
}

/// A title names one branch of the tree.
fn titles(config: &Config) -> Result<(), Invalid> {
    for (index, poem) in config.poems.iter().enumerate() {
        let same = config.poems[..index].iter().position(|earlier| earlier.title == poem.title);
        if let Some(earlier) = same {
            let (title, path, earlier) = (&poem.title, Table::Poem(index), Table::Poem(earlier));
            return refuse(path.key("title"), format!("'{title}' is already the title of {earlier}"));
        }
    }
    Ok(())
}

/// An address has one listener; port 0 is another one each time.
fn addresses(config: &Config) -> Result<(), Invalid> {
    let listeners: Vec<_> = config.listeners().collect();
    for (index, (key, at)) in listeners.iter().enumerate() {
        if let Some((taken, _)) = listeners[..index].iter().find(|(_, earlier)| earlier.collides(at)) {
            return refuse(*key, format!("{at} is already taken by {taken}"));
        }
    }
    Ok(())
}

/// A poem that is an upstream exists, and is served as the proxy expects it.
fn upstreams(config: &Config) -> Result<(), Invalid> {
    for (index, proxy) in config.proxies.iter().enumerate() {
        for upstream in &proxy.upstreams {
            let Upstream::Poem(title) = upstream else { continue };
            let Some(poem) = config.poem(title.as_str()) else {
                let key = Table::Proxy(index).key("upstream");
                return refuse(key, format!("no poem of this node has the title '{title}'"));
            };
            if poem.framing != proxy.upstream_framing {
                let (key, framing) = (Table::Proxy(index).key("upstream_framing"), poem.framing);
                return refuse(key, format!("the poem '{title}' is served as {framing}"));
            }
        }
    }
    Ok(())
}

fn number_of_tables(key: &'static str, number: usize) -> Result<(), Invalid> {
    if number > MAX_TABLES {
        return refuse(Table::File.key(key), format!("{number} of them; at most {MAX_TABLES}"));
    }
    Ok(())
}

/// Refuses a value.
pub(super) fn refuse<T>(key: KeyPath, problem: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { key, problem: problem.into() })
}

/// A count within its bounds.
pub(super) fn count(key: KeyPath, value: u64, least: u64, most: u64) -> Result<(), Invalid> {
    within(key, value, least, most, |value| value)
}

/// A size within its bounds.
pub(super) fn size(key: KeyPath, value: u64, least: u64, most: u64) -> Result<(), Invalid> {
    within(key, value, least, most, format_size)
}

/// A duration within its bounds.
pub(super) fn duration(
    key: KeyPath,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), Invalid> {
    within(key, value, least, most, format_duration)
}

fn within<T: PartialOrd, D: Display>(
    key: KeyPath,
    value: T,
    least: T,
    most: T,
    show: fn(T) -> D,
) -> Result<(), Invalid> {
    if value < least || value > most {
        let (value, least, most) = (show(value), show(least), show(most));
        return refuse(key, format!("{value} is out of bounds; {least} to {most}"));
    }
    Ok(())
}
