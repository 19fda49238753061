//! What a poem from the cache costs a proxy, beside the same poem from the server, with the same log.

use std::process::ExitCode;

use crate::server::{Place, Server, in_turn, median, ratios};

/// The pairs: a server, the proxy before another one like it, and what the table calls them.
const PAIRS: [[&str; 3]; 2] =
    [["verse", "proxy", "as it comes (its log in a file)"], ["quiet", "quiet-proxy", "`--log warn`"]];

/// Measures each pair in turn and prints the table. A ratio is that of two neighbours in time.
pub fn compare(rounds: usize, poems: usize) -> ExitCode {
    println!(
        "| log | `verse serve`, us | `verse proxy`, cached, us | ratio: median | quartiles |\n|---|---|---|---|---|"
    );
    for [server, proxy, log] in PAIRS {
        let place = Place::new();
        let server = place.start(server, &place.poem());
        // Not the one that is measured: that it was asked once must not matter.
        let upstream = place.start("plain", &place.poem());
        let proxy = place.start(proxy, &upstream.address.to_string());
        let mut servers = [server, proxy];
        in_turn(&mut servers, rounds, poems);
        let [server, proxy] = &servers;
        let mut all = ratios(proxy, server);
        all.sort_by(f64::total_cmp);
        let micros = |server: &Server| median(server.costs.clone()) / 1e3;
        println!(
            "| {log} | {:.1} | {:.1} | {:.2} | {:.2} to {:.2} |",
            micros(server),
            micros(proxy),
            median(all.clone()),
            all[all.len() / 4],
            all[all.len() * 3 / 4],
        );
    }
    ExitCode::SUCCESS
}
