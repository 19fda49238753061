//! What the reader takes, and the exact line with which it refuses the rest.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Config, Framing, HostPort, LogLevel, Pace, PoemSource, Upstream};
use crate::poem::Title;

/// The line with which a text is refused.
pub(super) fn refusal(text: &str) -> String {
    let error = Config::from_toml(text, "verse.toml").expect_err(text);
    let line = error.to_string();
    assert!(!line.contains('\n'), "one line: {line}");
    line
}

/// One poem, for texts that are about something else.
pub(super) const POEM: &str = "[[poem]]\nembedded = \"science\"\n";

#[test]
fn every_key_is_read() {
    let text = r#"
        [node]
        drain = "1s"
        intensity = 1
        period = "2s"
        log = "debug"
        [limits]
        max_connections = 7
        backlog = 8
        accept_pause = "9ms"
        write_timeout = "10s"
        linger = "11s"
        connect_timeout = "12s"
        idle_timeout = "13s"
        request_timeout = "23s"
        download_timeout = "14s"
        max_poem = "15MiB"
        max_request = 1_600
        [[poem]]
        file = "poetry/ecstasy.txt"
        title = "Donne"
        listen = "[::1]:10001"
        num_bytes = 30
        delay = "5s"
        framing = "netstring"
        [transform]
        listen = 10011
        lines_listen = "10012"
        deadline = "17s"
        workers = 18
        keep_alive = true
        keep_alive_requests = 19
        seed = 21
        [[proxy]]
        upstream = ["poems.example.org:80", { poem = "Donne" }]
        listen = "10020"
        ttl = "22s"
        framing = "netstring"
        upstream_framing = "netstring"
        transforms = false
    "#;
    let config = Config::from_toml(text, "verse.toml").unwrap();
    let seconds = Duration::from_secs;
    assert_eq!((config.node.drain, config.node.intensity), (seconds(1), 1));
    assert_eq!((config.node.period, config.node.log), (seconds(2), LogLevel::Debug));
    let limits = &config.limits;
    assert_eq!((limits.max_connections, limits.backlog), (Some(7), 8));
    assert_eq!((limits.accept_pause, limits.write_timeout), (Duration::from_millis(9), seconds(10)));
    assert_eq!((limits.linger, limits.connect_timeout), (seconds(11), seconds(12)));
    assert_eq!((limits.idle_timeout, limits.download_timeout), (seconds(13), Some(seconds(14))));
    assert_eq!(limits.request_timeout, seconds(23));
    assert_eq!((limits.max_poem, limits.max_request), (15 << 20, 1600));
    let poem = &config.poems[0];
    assert_eq!(poem.source, PoemSource::File(PathBuf::from("poetry/ecstasy.txt")));
    assert_eq!((poem.title.as_str(), poem.listen.to_string()), ("Donne", "[::1]:10001".to_owned()));
    assert_eq!(poem.pace, Pace::Slow { num_bytes: 30, delay: seconds(5) });
    assert_eq!(poem.framing, Framing::Netstring);
    let transform = config.transform.as_ref().unwrap();
    assert_eq!(transform.listen, HostPort::loopback(10011));
    assert_eq!(transform.lines_listen, Some(HostPort::loopback(10012)));
    assert_eq!((transform.deadline, transform.workers), (seconds(17), 18));
    assert_eq!((transform.keep_alive, transform.keep_alive_requests), (true, 19));
    assert_eq!(transform.seed, Some(21));
    let proxy = &config.proxies[0];
    let address = Upstream::Address("poems.example.org:80".parse().unwrap());
    assert_eq!(proxy.upstreams, [address, Upstream::Poem(Title::new("Donne").unwrap())]);
    assert_eq!((proxy.listen.port, proxy.cache.ttl), (10020, seconds(22)));
    assert_eq!((proxy.framing, proxy.upstream_framing), (Framing::Netstring, Framing::Netstring));
    assert!(!proxy.transforms);
}

#[test]
fn what_is_left_out_has_its_default() {
    let config =
        Config::from_toml("[[poem]]\nfile = \"poetry/science.txt\"\n[transform]\n", "verse.toml").unwrap();
    assert_eq!(config.node, Config::default().node);
    assert_eq!(config.limits, Config::default().limits);
    let poem = &config.poems[0];
    assert_eq!((poem.title.as_str(), &poem.listen, poem.pace), ("science", &HostPort::default(), Pace::Fast));
    assert_eq!(config.transform, Some(crate::config::TransformConfig::default()));
}

#[test]
fn num_bytes_or_delay_alone_makes_a_poem_slow() {
    let pace = |key: &str| Config::from_toml(&format!("{POEM}{key}\n"), "verse.toml").unwrap().poems[0].pace;
    assert_eq!(pace("num_bytes = 3"), Pace::Slow { num_bytes: 3, delay: Duration::from_millis(100) });
    assert_eq!(pace("delay = \"1s\""), Pace::Slow { num_bytes: 10, delay: Duration::from_secs(1) });
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
    let cases = [
        (
            "[node]\n  drian = \"1s\"\n",
            "verse.toml:2:3: unknown key `drian` in [node]; did you mean `drain`?",
        ),
        (
            "[node]\ndashboard = 10080\n",
            "verse.toml:2:1: unknown key `dashboard` in [node]; the keys are drain, intensity, period, log, admin, admin_token",
        ),
        (
            "[limits]\nbacklogs = 1\n",
            "verse.toml:2:1: unknown key `backlogs` in [limits]; did you mean `backlog`?",
        ),
        ("[[poems]]\n", "verse.toml:1:3: unknown key `poems` in the file; did you mean `poem`?"),
        (
            "port = 1\n",
            "verse.toml:1:1: unknown key `port` in the file; the keys are node, limits, poem, transform, proxy",
        ),
        (
            "[[poem]]\nembedded = \"science\"\n[[poem]]\nembeded = \"b\"\n",
            "verse.toml:4:1: unknown key `embeded` in [[poem]] number 2; did you mean `embedded`?",
        ),
        (
            "[transform]\nline_listen = 1\n",
            "verse.toml:2:1: unknown key `line_listen` in [transform]; did you mean `lines_listen`?",
        ),
        (
            "[[proxy]]\nupsteam = 1\n",
            "verse.toml:2:1: unknown key `upsteam` in [[proxy]] number 1; did you mean `upstream`?",
        ),
        (
            "[node]\nzz = 1\naa = 1\n",
            "verse.toml:2:1: unknown key `zz` in [node]; the keys are drain, intensity, period, log, admin, admin_token",
        ),
        (
            "[node]\n\"a\\nb\" = 1\n",
            "verse.toml:2:1: unknown key `a\\nb` in [node]; the keys are drain, intensity, period, log, admin, admin_token",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(refusal(text), line);
    }
}

#[test]
fn a_value_of_another_type_is_refused_where_it_stands() {
    let cases = [
        (
            "[node]\ndrain = 10\n",
            "verse.toml:2:9: `drain` in [node]: expected a duration such as \"100ms\" or \"10s\", found the integer 10",
        ),
        (
            "[node]\nintensity = \"5\"\n",
            "verse.toml:2:13: `intensity` in [node]: expected an integer, found a string",
        ),
        (
            "[node]\nintensity = 0.5\n",
            "verse.toml:2:13: `intensity` in [node]: expected an integer, found the number 0.5",
        ),
        (
            "[limits]\nmax_poem = true\n",
            "verse.toml:2:12: `max_poem` in [limits]: expected a size such as 1000 or \"64MiB\", found true",
        ),
        (
            "[transform]\nkeep_alive = 100\n",
            "verse.toml:2:14: `keep_alive` in [transform]: expected true or false, found the integer 100",
        ),
        (
            "[[proxy]]\nupstream = { title = \"x\" }\n",
            "verse.toml:2:12: `upstream` in [[proxy]] number 1: expected an address such as \"127.0.0.1:10001\", \
             { poem = \"TITLE\" }, or an array of them, found a table",
        ),
        ("[[node]]\n", "verse.toml:1:1: `node`: expected a table, written [node]"),
        ("[poem]\n", "verse.toml:1:1: `poem`: expected a table each, written [[poem]]"),
        ("proxy = [1]\n", "verse.toml:1:9: `proxy`: expected a table each, written [[proxy]]"),
    ];
    for (text, line) in cases {
        assert_eq!(refusal(text), line);
    }
}

#[test]
fn a_text_that_cannot_be_read_is_refused_where_it_stands() {
    let cases = [
        (
            "[node]\ndrain = \"10 parsecs\"\n",
            "verse.toml:2:9: `drain` in [node]: '10 parsecs' is no duration; write it like 100ms, 10s, 1h30m",
        ),
        (
            "[node]\ndrain = \"10\"\n",
            "verse.toml:2:9: `drain` in [node]: '10' has no unit; write it like 100ms, 10s, 1h30m",
        ),
        (
            "[[poem]]\nembedded = \"science\"\ndelay = \"-1s\"\n",
            "verse.toml:3:9: `delay` in [[poem]] number 1: '-1s' is negative",
        ),
        (
            "[node]\nintensity = -1\n",
            "verse.toml:2:13: `intensity` in [node]: -1 is no integer from 0 to 4294967295",
        ),
        (
            "[node]\nlog = \"loud\"\n",
            "verse.toml:2:7: `log` in [node]: 'loud' is no level; it is off, error, warn, info, debug or trace",
        ),
        (
            "[limits]\nmax_poem = \"64M\"\n",
            "verse.toml:2:12: `max_poem` in [limits]: '64M' is no size; write it like 1000, 64KiB, 64MiB",
        ),
        (
            "[transform]\nlisten = \"localhost:70000\"\n",
            "verse.toml:2:10: `listen` in [transform]: '70000' is no port; a port is an integer from 0 to 65535",
        ),
        (
            "[transform]\nlisten = -1\n",
            "verse.toml:2:10: `listen` in [transform]: '-1' is no port; a port is an integer from 0 to 65535",
        ),
        (
            "[[poem]]\nembedded = \"science\"\nframing = \"chunked\"\n",
            "verse.toml:3:11: `framing` in [[poem]] number 1: 'chunked' is no framing; it is raw or netstring",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(refusal(text), line);
    }
}

#[test]
fn a_missing_key_is_named_with_its_table() {
    let cases = [
        ("[[poem]]\n", "verse.toml:1:1: `file` in [[poem]] number 1: missing; give `file` or `embedded`"),
        (
            "[[poem]]\nfile = \"a\"\nembedded = \"a\"\n",
            "verse.toml:3:12: `embedded` in [[poem]] number 1: give either `file` or `embedded`, not both",
        ),
        (
            "\n[[proxy]]\nlisten = 1\n",
            "verse.toml:2:1: `upstream` in [[proxy]] number 1: missing; give an address or { poem = \"TITLE\" }",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(refusal(text), line);
    }
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    for (text, place) in [("[node\n", "verse.toml:1:6: no TOML: "), ("é = 1\n", "verse.toml:1:1: no TOML: ")]
    {
        assert!(refusal(text).starts_with(place), "{}", refusal(text));
    }
    assert!(
        refusal("[node]\nlog = \"info\"\nlog = \"info\"\n")
            .starts_with("verse.toml:3:1: no TOML: duplicate key")
    );
}

#[test]
fn a_column_counts_characters_not_bytes() {
    let line = refusal("[[poem]]\nembedded = \"science\"\ntitle = \"é\\u0000\"; x\n");
    assert!(line.starts_with("verse.toml:3:18: no TOML"), "{line}");
}

#[test]
fn a_poem_of_a_file_is_beside_its_configuration() {
    let folder = std::env::temp_dir().join(format!("verse-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("verse.toml");
    std::fs::write(&path, "[[poem]]\nfile = \"poems/a.txt\"\n[[poem]]\nfile = \"/poems/b.txt\"\n").unwrap();
    let config = Config::read(&path);
    let missing = Config::read(&folder.join("none.toml"));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let large = Config::read(&path);
    std::fs::remove_dir_all(&folder).unwrap();

    let config = config.unwrap();
    assert_eq!(config.poems[0].source, PoemSource::File(folder.join("poems/a.txt")));
    assert_eq!(config.poems[1].source, PoemSource::File(PathBuf::from("/poems/b.txt")));
    assert!(missing.unwrap_err().to_string().contains("none.toml: cannot read the configuration: "));
    assert!(large.unwrap_err().to_string().ends_with("verse.toml: a configuration is at most 1048576 bytes"));
}

#[test]
fn a_poem_is_loaded_under_the_title_of_its_configuration() {
    let text = "[[poem]]\nembedded = \"science\"\ntitle = \"Poe\"\n[[poem]]\nfile = \"/no/such/poem.txt\"\n";
    let config = Config::from_toml(text, "verse.toml").unwrap();
    let poem = config.poems[0].load(1 << 20).unwrap();
    assert_eq!((poem.title().as_str(), poem.origin()), ("Poe", "poetry/science.txt"));
    let error = config.poems[1].load(1 << 20).unwrap_err();
    assert_eq!(error.to_string(), "cannot read poem /no/such/poem.txt: no such file");
}
