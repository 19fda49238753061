//! What does not go together, and what is out of bounds.

use super::reading::{POEM, refusal};
use crate::config::{Config, Invalid, PortBase, Table};

#[test]
fn a_value_out_of_bounds_is_refused_with_its_bounds() {
    let cases = [
        ("[node]\ndrain = \"2h\"\n", "2:9: `drain` in [node]: 2h is out of bounds; 0s to 1h"),
        ("[node]\nintensity = 1001\n", "2:13: `intensity` in [node]: 1001 is out of bounds; 0 to 1000"),
        ("[node]\nperiod = \"500ms\"\n", "2:10: `period` in [node]: 500ms is out of bounds; 1s to 1h"),
        ("[node]\nperiod = \"1500ms\"\n", "2:10: `period` in [node]: 1s500ms is no whole number of seconds"),
        (
            "[node]\nadmin = \"0.0.0.0:10080\"\n",
            "2:9: `admin` in [node]: 0.0.0.0:10080 is not on loopback; what is said there is not encrypted",
        ),
        (
            "[node]\nadmin = \"poems.example:80\"\n",
            "2:9: `admin` in [node]: poems.example:80 is not on loopback; what is said there is not encrypted",
        ),
        (
            "[node]\nadmin_token = \"a\"\n",
            "2:15: `admin_token` in [node]: there is no admin port that needs it; give `admin`",
        ),
        (
            "[limits]\nmax_connections = 0\n",
            "2:19: `max_connections` in [limits]: 0 is out of bounds; 1 to 1000000",
        ),
        ("[limits]\nbacklog = 65536\n", "2:11: `backlog` in [limits]: 65536 is out of bounds; 1 to 65535"),
        (
            "[limits]\naccept_pause = \"0s\"\n",
            "2:16: `accept_pause` in [limits]: 0s is out of bounds; 1ms to 1m",
        ),
        (
            "[limits]\nwrite_timeout = \"25h\"\n",
            "2:17: `write_timeout` in [limits]: 25h is out of bounds; 1ms to 24h",
        ),
        ("[limits]\nlinger = \"61s\"\n", "2:10: `linger` in [limits]: 1m1s is out of bounds; 0s to 1m"),
        (
            "[limits]\nconnect_timeout = \"0s\"\n",
            "2:19: `connect_timeout` in [limits]: 0s is out of bounds; 1ms to 24h",
        ),
        (
            "[limits]\nidle_timeout = \"0s\"\n",
            "2:16: `idle_timeout` in [limits]: 0s is out of bounds; 1ms to 24h",
        ),
        (
            "[limits]\ndownload_timeout = \"0s\"\n",
            "2:20: `download_timeout` in [limits]: 0s is out of bounds; 1ms to 24h",
        ),
        (
            "[limits]\nmax_poem = \"5GiB\"\n",
            "2:12: `max_poem` in [limits]: 5GiB is out of bounds; 1B to 4GiB",
        ),
        (
            "[limits]\nmax_request = 127\n",
            "2:15: `max_request` in [limits]: 127B is out of bounds; 128B to 1GiB",
        ),
        (
            "[transform]\ndeadline = \"0s\"\n",
            "2:12: `deadline` in [transform]: 0s is out of bounds; 1ms to 1h",
        ),
        ("[transform]\nworkers = 0\n", "2:11: `workers` in [transform]: 0 is out of bounds; 1 to 10000"),
        (
            "[transform]\nkeep_alive_requests = 0\n",
            "2:23: `keep_alive_requests` in [transform]: 0 is out of bounds; 1 to 1000000",
        ),
        (
            "[transform]\nseed = 9223372036854775808\n",
            "2:8: `seed` in [transform]: 9223372036854775808 is out of bounds; 0 to 9223372036854775807",
        ),
        (
            "[[proxy]]\nupstream = 1\nttl = \"366d\"\n",
            "3:7: `ttl` in [[proxy]] number 1: 8784h is out of bounds; 0s to 8760h",
        ),
        (
            "[[proxy]]\nupstream = 1\nttl_jitter = 101\n",
            "3:14: `ttl_jitter` in [[proxy]] number 1: 101 is out of bounds; 0 to 100",
        ),
        (
            "[[proxy]]\nupstream = 1\nhold_off_min = \"1m\"\n",
            "1:1: `hold_off_max` in [[proxy]] number 1: 30s is out of bounds; 1m to 8760h",
        ),
        (
            "[[proxy]]\nupstream = 1\nmax_fetches = 0\n",
            "3:15: `max_fetches` in [[proxy]] number 1: 0 is out of bounds; 1 to 10000",
        ),
        (
            "[[proxy]]\nupstream = 1\nmax_waiters = 9\n",
            "3:15: `max_waiters` in [[proxy]] number 1: 9 is out of bounds; 65536 to 10000000",
        ),
        (
            "[[proxy]]\nupstream = 1\nmax_wait = \"0s\"\n",
            "3:12: `max_wait` in [[proxy]] number 1: 0s is out of bounds; 1ms to 24h",
        ),
        (
            "[[proxy]]\nupstream = 1\nmax_bytes = \"1MiB\"\n",
            "3:13: `max_bytes` in [[proxy]] number 1: checking the cache's config: `max_bytes` must be at least \
             16778752 bytes, because of `max_poem_bytes`",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(refusal(text), format!("verse.toml:{line}"));
    }
    let poem = [
        ("num_bytes = 0", "13: `num_bytes` in [[poem]] number 1: 0 is out of bounds; 1 to 1048576"),
        ("delay = \"25h\"", "9: `delay` in [[poem]] number 1: 25h is out of bounds; 0s to 24h"),
        ("title = \"a/b\"", "9: `title` in [[poem]] number 1: 'a/b' holds a '/', which a title must not"),
        (
            "title = \"a\\nb\"",
            "9: `title` in [[poem]] number 1: bad title \"a\\nb\": 1 to 64 bytes without control characters are allowed",
        ),
    ];
    for (key, line) in poem {
        assert_eq!(refusal(&format!("{POEM}{key}\n")), format!("verse.toml:3:{line}"));
    }
    assert_eq!(
        refusal("[[poem]]\nfile = \"\"\n"),
        "verse.toml:2:8: `file` in [[poem]] number 1: an empty name is no file"
    );
    assert_eq!(
        refusal("[[poem]]\nembedded = \"ode\"\n"),
        "verse.toml:2:12: `embedded` in [[poem]] number 1: no poem 'ode' is embedded; \
         there are ecstasy, fascination, science, mariner"
    );
}

#[test]
fn the_same_address_twice_is_refused_naming_both() {
    let one = "[[poem]]\nembedded = \"science\"\nlisten = 10001\n";
    let cases = [
        (
            "[[poem]]\nembedded = \"ecstasy\"\nlisten = \"0.0.0.0:10001\"\n",
            "6:10: `listen` in [[poem]] number 2: 0.0.0.0:10001 is already taken by `listen` in [[poem]] number 1",
        ),
        (
            "[transform]\nlisten = 10001\n",
            "5:10: `listen` in [transform]: 127.0.0.1:10001 is already taken by `listen` in [[poem]] number 1",
        ),
        (
            "[transform]\nlisten = 1\nlines_listen = 1\n",
            "6:16: `lines_listen` in [transform]: 127.0.0.1:1 is already taken by `listen` in [transform]",
        ),
        (
            "[[proxy]]\nupstream = 1\nlisten = 10001\n",
            "6:10: `listen` in [[proxy]] number 1: 127.0.0.1:10001 is already taken by `listen` in [[poem]] number 1",
        ),
    ];
    for (two, line) in cases {
        assert_eq!(refusal(&format!("{one}{two}")), format!("verse.toml:{line}"));
    }
}

#[test]
fn port_0_may_stand_as_often_as_one_likes() {
    let text = "[[poem]]\nembedded = \"science\"\nlisten = 0\n[[poem]]\nembedded = \"ecstasy\"\nlisten = 0\n";
    assert_eq!(Config::from_toml(text, "verse.toml").unwrap().poems.len(), 2);
}

#[test]
fn two_poems_of_one_title_are_refused() {
    assert_eq!(
        refusal(&format!("{POEM}{POEM}")),
        "verse.toml:3:1: `title` in [[poem]] number 2: 'science' is already the title of [[poem]] number 1"
    );
}

#[test]
fn an_upstream_that_cannot_be_fetched_from_is_refused() {
    let proxy = "[[proxy]]\nlisten = 10020\n";
    let cases = [
        (
            "upstream = 0",
            "3:12: `upstream` in [[proxy]] number 1: '127.0.0.1:0' has port 0, which nobody can connect to",
        ),
        ("upstream = []", "3:12: `upstream` in [[proxy]] number 1: 0 alternatives; a proxy has 1 to 16"),
        (
            "upstream = \"localhost:10020\"",
            "3:12: `upstream` in [[proxy]] number 1: localhost:10020 is where this proxy itself listens",
        ),
        (
            "upstream = { poem = \"ode\" }",
            "3:12: `upstream` in [[proxy]] number 1: no poem of this node has the title 'ode'",
        ),
    ];
    for (key, line) in cases {
        assert_eq!(refusal(&format!("{proxy}{key}\n")), format!("verse.toml:{line}"));
    }
    let framing = format!("{POEM}framing = \"netstring\"\n{proxy}upstream = {{ poem = \"science\" }}\n");
    let line = "`upstream_framing` in [[proxy]] number 1: the poem 'science' is served as netstring";
    assert_eq!(refusal(&framing), format!("verse.toml:4:1: {line}"));
}

#[test]
fn a_transformation_proxy_asks_transform_services_only() {
    let proxy = "[[proxy]]\ntransforms = true\n";
    assert_eq!(
        refusal(&format!("{proxy}upstream = {{ poem = \"science\" }}\n{POEM}")),
        "verse.toml:3:12: `upstream` in [[proxy]] number 1: the poem 'science' is no transform service"
    );
    for key in ["framing", "upstream_framing"] {
        let line = refusal(&format!("{proxy}upstream = 10011\n{key} = \"netstring\"\n"));
        assert!(line.contains(&format!("`{key}` in [[proxy]] number 1: the transform protocol")), "{line}");
    }
}

#[test]
fn a_node_that_serves_nothing_is_refused() {
    let line = "nothing to serve; give a [[poem]], a [transform] or a [[proxy]]";
    assert_eq!(refusal(""), format!("verse.toml:1:1: the file: {line}"));
}

#[test]
fn more_than_1024_poems_or_proxies_are_refused() {
    let poem = |n: usize| format!("{POEM}title = \"{n}\"\n");
    let poems = |n| (0..n).map(poem).collect::<String>();
    assert!(Config::from_toml(&poems(1024), "verse.toml").is_ok());
    assert_eq!(refusal(&poems(1025)), "verse.toml:1:1: `poem`: 1025 of them; at most 1024");
    let proxies = "[[proxy]]\nupstream = 1\n".repeat(1025);
    assert_eq!(refusal(&proxies), "verse.toml:1:1: `proxy`: 1025 of them; at most 1024");
}

#[test]
fn a_config_made_by_a_program_is_judged_by_the_same_rules() {
    let mut config = Config::embedded(PortBase::FREE);
    config.limits.backlog = 0;
    let key = Table::Limits.key("backlog");
    assert_eq!(config.validate(), Err(Invalid { key, problem: "0 is out of bounds; 1 to 65535".to_owned() }));
}
