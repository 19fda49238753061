//! The configured applications of Part 16: judged by `verse check`, run by `verse node`, fetched with `verse get`.
//!
//! Each is run from a copy with other ports: 10000 may be somebody's on the machine that tests. All else is as it stands
//! in the file.

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;
use verse::actors::Limit;
use verse::config::Config;
use verse::event::Reporter;
use verse::net::Network;
use verse::node::{self, World};

use crate::harness::{Folder, Verse, frozen, verse, within};

/// Where they are.
const HOME: &str = "examples/part16";

/// Far more turns of the thread than a restart takes.
const TURNS: usize = 100_000;

fn path(file: &str) -> String {
    format!("{HOME}/{file}")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(path(file)).expect("it is there")
}

/// What `verse check` says of a file as it stands.
fn checked(file: &str) -> String {
    let ended = verse(&["check", &path(file)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.join("\n")
}

/// Runs a text that listens on `number` ports, free ones in place of its own.
fn run(folder: &Folder, text: &str, number: usize) -> (Verse, Vec<SocketAddr>) {
    let poems = Path::new(env!("CARGO_MANIFEST_DIR")).join("poetry");
    let text = text.replace("../../poetry", poems.to_str().expect("the name is UTF-8"));
    let mut text = text;
    for port in ["10000", "10001", "10020"] {
        text = text.replace(&format!("listen = \"127.0.0.1:{port}\""), "listen = \"127.0.0.1:0\"");
    }
    let mut verse = Verse::start(&["node", &folder.file("application.toml", text)]);
    let addresses = verse.serving(number);
    (verse, addresses)
}

/// The node ends in good order when it is asked to.
fn stop(verse: Verse) {
    verse.signal(Signal::TERM);
    let ended = verse.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// What `verse get` gets of the poems, one after the other.
fn fetched(addresses: &[SocketAddr]) -> Vec<String> {
    let mut command = vec!["get".to_owned(), "--quiet".to_owned(), "--order=given".to_owned()];
    command.extend(addresses.iter().map(ToString::to_string));
    let ended = verse(&command);
    assert_eq!((ended.code, &ended.stderr[..]), (Some(0), &[][..]), "{ended:?}");
    ended.stdout
}

fn poems(titles: &[&str]) -> Vec<String> {
    let poem = |title: &&str| std::fs::read_to_string(format!("poetry/{title}.txt")).expect("it is there");
    titles.iter().map(poem).collect::<String>().lines().map(str::to_owned).collect()
}

#[test]
fn the_fast_server_is_an_application() {
    assert_eq!(checked("fastpoetry.toml"), "examples/part16/fastpoetry.toml is well: 1 poem");
    let folder = Folder::new("part16-fast");
    let (mut verse, at) = run(&folder, &text("fastpoetry.toml"), 1);
    assert_eq!(fetched(&at), poems(&["ecstasy"]));
    // A line for each request, as in the series.
    verse.says("sending 2738 bytes of poetry to 127.0.0.1:");
    stop(verse);
}

#[test]
fn a_second_poem_is_served_on_another_port() {
    assert_eq!(checked("two-poems.toml"), "examples/part16/two-poems.toml is well: 2 poems");
    let folder = Folder::new("part16-two");
    let (verse, at) = run(&folder, &text("two-poems.toml"), 2);
    assert_ne!(at[0].port(), at[1].port());
    assert_eq!(fetched(&at), poems(&["ecstasy", "fascination"]));
    stop(verse);
}

#[test]
fn each_of_two_poems_has_a_group_of_services_of_its_own() {
    frozen(async {
        let mut config = Config::read(Path::new(&path("two-poems.toml"))).expect("it is well");
        config.poems.iter_mut().for_each(|poem| poem.listen.port = 0);
        let loaded: Vec<_> =
            config.poems.iter().map(|poem| poem.load(1 << 20).expect("it is there")).collect();
        let world = World {
            network: Network::tcp(),
            reporter: Reporter::new(|node| node.seed(1)),
            limit: Limit::new(16),
            ..World::default()
        };
        let node = node::start(&config, &loaded, world).await.expect("it starts");
        let group = |name: &str| {
            let tree = node.tree();
            let poems =
                tree.children.iter().find(|child| child.id.to_string() == "poems").expect("there are poems");
            poems
                .children
                .iter()
                .find(|child| child.id.to_string() == name)
                .expect("each has a group")
                .clone()
        };
        let pids = |name: &str| {
            let group = group(name);
            let members = group.children.iter().map(|child| &child.process);
            members.chain([&group.process]).flatten().map(supervisors::Process::pid).collect::<Vec<_>>()
        };
        let (ecstasy, fascination) = (pids("ecstasy"), pids("fascination"));
        assert_eq!(
            (ecstasy.len(), fascination.len()),
            (4, 4),
            "source, connections, listener, and who starts them"
        );
        let killed = group("ecstasy").process.expect("it runs");
        killed.kill();
        within("the end of the group", killed.exited()).await;
        // All of the group is started again, within so many turns, and nobody in the other one has noticed.
        let is_new = || {
            let now = pids("ecstasy");
            now.len() == 4 && now.iter().all(|pid| !ecstasy.contains(pid))
        };
        for _ in 0..TURNS {
            if is_new() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(is_new(), "the group of ecstasy is started again");
        assert_eq!(pids("fascination"), fascination);
        node.kill().await;
    });
}

#[test]
fn the_proxy_is_an_application() {
    assert_eq!(checked("proxy.toml"), "examples/part16/proxy.toml is well: 1 proxy");
    let folder = Folder::new("part16-upstream");
    let (server, at) = run(&folder, &text("fastpoetry.toml"), 1);
    let proxied =
        text("proxy.toml").replace("upstream = \"127.0.0.1:10000\"", &format!("upstream = \"{}\"", at[0]));
    let (proxy, proxy_at) = run(&Folder::new("part16-proxy"), &proxied, 1);
    assert_eq!(fetched(&proxy_at), poems(&["ecstasy"]));
    // The server of the poem goes, and the poem is served all the same.
    stop(server);
    assert_eq!(fetched(&proxy_at), poems(&["ecstasy"]));
    stop(proxy);
}

#[test]
fn the_second_poem_may_be_left_out() {
    let whole = text("optional-second.toml");
    assert_eq!(checked("optional-second.toml"), "examples/part16/optional-second.toml is well: 2 poems");
    let folder = Folder::new("part16-optional");
    let (verse, at) = run(&folder, &whole, 2);
    assert_eq!(fetched(&at), poems(&["ecstasy", "science"]));
    stop(verse);
    let (first, _) = whole.split_once("# ---- optional ----").expect("the line is there");
    let (verse, at) = run(&folder, first, 1);
    assert_eq!(fetched(&at), poems(&["ecstasy"]));
    stop(verse);
}

/// `twistd` lists its plugins with a line each, and each has options of its own.
#[test]
fn a_subcommand_is_what_a_plugin_was() {
    let help = verse(&["--help"]).stdout.join("\n");
    let lines = [
        ("serve", "Serve poems, each on a port of its own, fast or slowly"),
        ("proxy", "Run a caching proxy for a poetry server, or for a transform service"),
    ];
    for (name, about) in lines {
        let listed = help.lines().any(|line| {
            line.trim_start().split_once(' ').is_some_and(|(it, rest)| it == name && rest.trim() == about)
        });
        assert!(listed, "{name} is not listed with its line:\n{help}");
        let own = verse(&[name, "--help"]).stdout.join("\n");
        assert!(own.contains(about) && own.contains("--port") && own.contains("--iface"), "{own}");
    }
    // `serve` takes a second poem, for whoever wants one; the proxy takes its server.
    for (files, titles) in [(vec!["ecstasy"], 1), (vec!["ecstasy", "science"], 2)] {
        let mut command = vec!["serve".to_owned()];
        command.extend(files.iter().map(|title| format!("poetry/{title}.txt")));
        let mut server = Verse::start(&command);
        let at = server.serving(titles);
        assert_eq!(fetched(&at), poems(&files));
        let (proxy, proxied) = Verse::serve(&["proxy", &at[0].to_string()]);
        assert_eq!(fetched(&[proxied]), poems(&["ecstasy"]));
        stop(proxy);
        stop(server);
    }
}
