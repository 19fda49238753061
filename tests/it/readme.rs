//! The README's own session, run line by line as it stands there.
//!
//! What it prints must be what the README shows, but for what no two runs share: how long something took, and how far a
//! poem had come when it was cut. The ports are others, so that nothing here can meet a node that runs.

mod session;
mod shell;

use std::net::SocketAddr;

use verse::cli::output::{self, Row};
use verse::config::{Config, HostPort, PortBase};

const README: &str = include_str!("../../README.md");

#[test]
fn the_session_in_the_readme_goes_as_the_readme_says() {
    let steps = session::steps(README);
    assert!(steps.len() >= 5, "the README shows a session: {steps:?}");
    session::run(&steps);
}

#[test]
fn the_table_in_the_readme_is_what_a_node_prints_on_a_terminal() {
    let config = Config::embedded(PortBase::default());
    let at = |it: &HostPort| it.to_string().parse::<SocketAddr>().expect("all are on loopback");
    let mut rows = Vec::new();
    for poem in &config.poems {
        let bytes = poem.load(1 << 20).expect("it is built in").bytes().len();
        rows.push(Row::poem(poem, bytes, at(&poem.listen)));
    }
    rows.extend(config.transform.iter().map(|it| Row::transform(at(&it.listen))));
    rows.extend(config.proxies.iter().map(|it| Row::proxy(it, &it.upstreams[0], at(&it.listen))));
    rows.extend(config.node.admin.iter().map(|it| Row::admin(at(it))));
    let table = output::table(&rows);
    assert!(README.contains(&table), "\n{table}");
}
