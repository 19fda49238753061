//! `verse ctl`, by the real program.

use std::process::Command;

use rustix::process::Signal;

use super::*;
use crate::harness::{Ended, PROGRAM, PlainClient, Verse, free_address, verse};

/// A proxy of a poem that is slow enough to be seen waited for.
const NODE: &str = r#"
[node]
admin = 0
[[poem]]
embedded = "science"
num_bytes = 20
delay = "10ms"
[[proxy]]
upstream = { poem = "science" }
"#;

/// A node of the real program, and those who steer it: both find its token in the folder of the test.
struct Steered {
    verse: Verse,
    /// What listens where, the admin port last.
    at: Vec<SocketAddr>,
    folder: Folder,
}

/// `verse`, with its folder for what lasts as long as it runs.
fn program<S: AsRef<str>>(folder: &Folder, args: &[S]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args.iter().map(AsRef::as_ref)).env("XDG_RUNTIME_DIR", folder.path());
    command
}

impl Steered {
    /// The embedded node.
    fn embedded(name: &str) -> Self {
        Self::start(Folder::new(&format!("ctl-{name}")), &["node", "--port-base", "0"], 7)
    }

    fn start(folder: Folder, args: &[&str], services: usize) -> Self {
        let mut verse = Verse::spawn(program(&folder, args));
        let at = verse.serving(services);
        Self { verse, at, folder }
    }

    fn port(&self) -> String {
        self.at.last().expect("something listens").port().to_string()
    }

    fn ctl(&self, args: &[&str]) -> Ended {
        let port = self.port();
        let args = [&["ctl"], args, &["--admin", &port]].concat();
        Verse::spawn(program(&self.folder, &args)).wait()
    }

    /// What it prints when all is well.
    fn said(&self, args: &[&str]) -> String {
        let ended = self.ctl(args);
        assert_eq!((ended.code, &ended.stderr[..]), (Some(0), &[][..]), "{args:?}: {ended:?}");
        ended.stdout.join("\n")
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.said(&[args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The one line that it says when it is not well.
    fn refused(&self, args: &[&str]) -> String {
        let ended = self.ctl(args);
        assert_eq!(
            (ended.code, ended.stdout.len(), ended.stderr.len()),
            (Some(1), 0, 1),
            "{args:?}: {ended:?}"
        );
        ended.stderr[0].clone()
    }

    /// Waits until the tree, as it is drawn, has such a line, and gives it.
    fn shows(&self, such: impl Fn(&str) -> bool) -> String {
        for _ in 0..10_000 {
            if let Some(line) = self.said(&["tree"]).lines().find(|line| such(line)) {
                return line.to_owned();
            }
        }
        panic!("it never shows:\n{}", self.said(&["tree"]));
    }
}

#[test]
fn a_cache_that_is_killed_is_shown_restarted_and_the_next_poem_through_its_proxy_is_whole() {
    let folder = Folder::new("ctl-kill");
    let file = folder.file("node.toml", NODE);
    let mut it = Steered::start(folder, &["node", &file], 3);
    let proxy = it.at[1].port().to_string();
    let science = std::fs::read_to_string("poetry/science.txt").expect("it is there");
    let got = |it: &Steered| {
        let got = Verse::spawn(program(&it.folder, &["get", &proxy, "--quiet"])).wait();
        assert_eq!(got.code, Some(0), "{got:?}");
        got.stdout.join("\n") + "\n"
    };
    assert_eq!(got(&it), science);
    let killed = it.said(&["kill", "proxy/cache"]);
    assert!(
        killed.starts_with("Killed proxy/cache <0.") && killed.ends_with(": proxy starts it again."),
        "{killed}"
    );
    let line = it.shows(|line| line.contains("─ cache ") && line.ends_with("1  killed"));
    assert!(line.contains("running") && !line.contains("not running"), "{line}");
    assert_eq!(got(&it), science);
    it.verse.says("says: kill proxy/cache <0.");
    it.verse.says("proxy: restarting cache, attempt 1 of 5 in 10s");
    assert_eq!(it.json(&["cache"])["caches"][0]["poems"][0]["bytes"], science.len());
}

#[test]
fn a_drain_by_ctl_ends_the_node_with_exit_code_0_and_takes_the_token_along() {
    let it = Steered::embedded("drain");
    let token = it.folder.path().join("verse").join(format!("{}.token", it.port()));
    assert!(token.exists());
    let said = it.said(&["drain"]);
    let at = it.at[6];
    assert_eq!(
        said,
        format!("Draining: no new connections, the others may finish for 10 s.\nThe node at {at} has ended.")
    );
    let ended = it.verse.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!token.exists());
}

#[test]
fn a_signal_to_a_node_that_drains_by_order_does_not_stop_it_and_a_second_one_does() {
    let folder = Folder::new("ctl-signals");
    let poem = "[[poem]]\nembedded = \"science\"\nnum_bytes = 10\ndelay = \"1h\"\n";
    let file = folder.file("node.toml", format!("[node]\ndrain = \"1h\"\nadmin = 0\n{poem}"));
    let mut it = Steered::start(folder, &["node", &file], 2);
    let mut client = PlainClient::connect(it.at[0]);
    client.read_until(10);
    let port = it.port();
    let ctl = Verse::spawn(program(&it.folder, &["ctl", "drain", "--admin", &port]));
    it.verse.says("no longer listens");
    it.verse.signal(Signal::TERM);
    it.verse.says("draining already");
    let status = it.said(&["status"]);
    assert!(status.contains("alive, not ready, draining"), "{status}");
    assert!(status.lines().any(|line| line.starts_with("science ") && line.ends_with("closed")), "{status}");
    it.verse.signal(Signal::TERM);
    let ended = it.verse.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(std::fs::read_dir(it.folder.path().join("verse")).unwrap().count(), 0, "the token is gone");
    assert_eq!(client.read_to_end(), End::Reset);
    assert_eq!(ctl.wait().code, Some(0), "it sees that the node has ended");
}

#[test]
fn status_and_tree_are_for_people_and_as_json_for_programs() {
    let it = Steered::embedded("status");
    let status = it.said(&["status"]);
    let first = status.lines().next().unwrap_or_default();
    assert!(
        first.starts_with(&format!("verse at {}: alive, ready, serving, up 0:00:", it.at[6])),
        "{status}"
    );
    for (service, at) in
        ["ecstasy", "fascination", "science", "science-slow", "transform", "proxy"].iter().zip(&it.at)
    {
        let line = status.lines().find(|line| line.starts_with(&format!("{service} "))).unwrap_or_default();
        assert!(line.contains(&at.to_string()) && line.ends_with("listens"), "{service}: {status}");
    }
    let json = it.json(&["status"]);
    assert_eq!((&json["live"]["live"], &json["ready"]["ready"]), (&true.into(), &true.into()));
    assert_eq!(find(&json["tree"]["tree"], "proxy/cache")["state"], "running");
    assert_eq!(it.json(&["tree"])["node"], "verse");
    assert!(it.said(&["tree"]).lines().all(|line| line.chars().count() <= 100));
    assert_eq!(it.said(&["cache"]), "proxy: 0 poems, 0 bytes");
    assert_eq!(it.said(&["cache", "purge"]), "Dropped 0 poems.");
    assert_eq!(it.said(&["cache", "refresh"]), "No cache holds anything.");
}

#[test]
fn what_is_not_got_costs_one_line_and_exit_code_1() {
    let it = Steered::embedded("refused");
    assert_eq!(
        it.refused(&["kill", "proxy/cahce"]),
        "verse ctl: no process proxy/cahce; did you mean proxy/cache?"
    );
    assert_eq!(it.refused(&["kill", "0.4711"]), "verse ctl: no process 0.4711");
    let none = it.folder.name("none");
    let line = it.refused(&["kill", "proxy/cache", "--token-file", &none]);
    let expected =
        format!("verse ctl: cannot read the token of the admin port from {none}; --token-file names another");
    assert!(line.starts_with(&expected), "{line}");
    let wrong = it.folder.file("wrong", "0".repeat(64));
    let line = it.refused(&["drain", "--token-file", &wrong]);
    assert!(line.starts_with("verse ctl: this needs the token"), "{line}");
    let free = free_address();
    let ended = verse(&["ctl", "status", "--admin", &free.port().to_string()]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.last_words(), format!("verse ctl: no admin port at {free}: connection refused"));
    let poem = it.at[0].port().to_string();
    let ended = verse(&["ctl", "tree", "--admin", &poem]);
    assert_eq!(ended.code, Some(1));
    let expected = format!("verse ctl: {} is no admin port: it speaks no HTTP", it.at[0]);
    assert!(ended.last_words().starts_with(&expected), "{ended:?}");
}

#[test]
fn a_node_of_a_file_has_no_admin_port_unless_it_says_so() {
    let folder = Folder::new("ctl-off");
    let file = folder.file("node.toml", "[[poem]]\nembedded = \"science\"\n");
    let it = Steered::start(folder, &["node", &file], 1);
    assert!(!it.folder.path().join("verse").exists(), "and no token");
    it.verse.signal(Signal::TERM);
    let ended = it.verse.wait();
    assert_eq!((ended.code, ended.stdout.len()), (Some(0), 1), "{ended:?}");
    assert!(!ended.stderr.iter().any(|line| line.contains("admin")), "{ended:?}");
}

#[test]
fn an_admin_port_that_cannot_be_is_refused_with_its_line() {
    let folder = Folder::new("ctl-refused");
    for (value, problem) in [
        ("\"0.0.0.0:10080\"", "0.0.0.0:10080 is not on loopback; what is said there is not encrypted"),
        ("\"x\"", "'x' is no port; a port is an integer from 0 to 65535"),
        ("true", "expected an address such as \"127.0.0.1:10001\" or a port, found true"),
    ] {
        let text = format!("[node]\nadmin = {value}\n[[poem]]\nembedded = \"science\"\n");
        let file = folder.file("node.toml", text);
        for command in ["node", "check"] {
            let ended = verse(&[command, &file]);
            assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{ended:?}");
            assert_eq!(ended.stderr, [format!("verse {command}: {file}:2:9: `admin` in [node]: {problem}")]);
        }
    }
}

#[test]
fn a_token_that_cannot_be_written_is_told_before_anything_listens() {
    let folder = Folder::new("ctl-unwritten");
    let file = folder.file(
        "node.toml",
        "[node]\nadmin = 0\nadmin_token = \"no/such/token\"\n[[poem]]\nembedded = \"science\"\n",
    );
    let ended = verse(&["node", &file]);
    let token = folder.name("no/such/token");
    assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0), "{ended:?}");
    let expected = format!("verse node: cannot write the token of the admin port to {token}: ");
    assert!(ended.last_words().starts_with(&expected), "{ended:?}");
}

#[test]
fn a_folder_of_tokens_that_others_may_write_to_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("ctl-unsafe");
    let tokens = folder.path().join("verse");
    std::fs::create_dir(&tokens).unwrap();
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ended = Verse::spawn(program(&folder, &["node", "--port-base", "0"])).wait();
    assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0), "{ended:?}");
    assert!(ended.last_words().contains("is not a folder of this user's alone"), "{ended:?}");
}

#[test]
fn without_a_folder_for_what_runs_the_token_is_in_one_for_what_is_temporary() {
    let folder = Folder::new("ctl-temporary");
    let run = |args: &[&str]| {
        let mut command = program(&folder, args);
        command.env("XDG_RUNTIME_DIR", folder.name("gone")).env("TMPDIR", folder.path());
        Verse::spawn(command)
    };
    let mut node = run(&["node", "--port-base", "0"]);
    let port = node.serving(7)[6].port().to_string();
    let token = format!("verse-{}/{port}.token", rustix::process::geteuid().as_raw());
    assert!(folder.path().join(token).exists());
    let ended = run(&["ctl", "drain", "--admin", &port]).wait();
    assert_eq!((ended.code, node.wait().code), (Some(0), Some(0)), "{ended:?}");
}

#[test]
fn an_admin_port_that_is_taken_is_told_with_the_way_out() {
    let held = std::net::TcpListener::bind(free_address()).expect("it is free");
    let at = held.local_addr().expect("it is bound");
    let base = (at.port() - 80).to_string();
    let ended = verse(&["node", "--port-base", &base]);
    let expected = format!("verse node: cannot listen on {at}: the port is taken; try --port-base N");
    assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0), "{ended:?}");
    assert!(ended.last_words().starts_with(&expected), "{ended:?}");
}
