//! `verse ctl`: what is asked of a node that runs.

use super::{refusal, run};
use crate::cli::{Command, CtlOptions, CtlOrder};
use crate::config::HostPort;
use crate::ops::admin::view::{CacheOrder, KillOrder};

fn ctl(line: &str) -> CtlOptions {
    match run(line) {
        Ok(Command::Ctl(options)) => options,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_admin_port_is_that_of_the_built_in_node_unless_told_otherwise() {
    let options = ctl("verse ctl tree");
    assert_eq!((options.admin, options.token_file, options.json), (HostPort::loopback(10080), None, false));
    for line in ["verse ctl --admin [::1]:9 --json tree", "verse ctl tree --json --admin [::1]:9"] {
        let options = ctl(line);
        assert_eq!((options.admin.to_string(), options.json), ("[::1]:9".to_owned(), true), "{line}");
    }
    assert_eq!(ctl("verse ctl drain --token-file /a/b").token_file, Some("/a/b".into()));
}

#[test]
fn each_order_is_read() {
    let order = |line| ctl(line).order;
    assert_eq!(order("verse ctl status"), CtlOrder::Status);
    assert_eq!(order("verse ctl drain"), CtlOrder::Drain);
    assert_eq!(order("verse ctl cache"), CtlOrder::Cache);
    let all = CacheOrder::default();
    assert_eq!(order("verse ctl cache purge"), CtlOrder::Purge(all.clone()));
    assert_eq!(order("verse ctl cache refresh"), CtlOrder::Refresh(all));
    let one = CacheOrder { proxy: Some("proxy-2".into()), key: Some("127.0.0.1:1".into()) };
    assert_eq!(order("verse ctl cache purge 127.0.0.1:1 --proxy proxy-2"), CtlOrder::Purge(one));
}

#[test]
fn whom_to_kill_is_a_place_or_a_pid() {
    let order = |whom: &str| ctl(&format!("verse ctl kill {whom}")).order;
    for pid in ["<0.12>", "0.12"] {
        assert_eq!(order(pid), CtlOrder::Kill(KillOrder { pid: Some(pid.into()), path: None }));
    }
    for path in ["proxy/cache", "poems/1.5", "verse", "1.", "<0.x>"] {
        assert_eq!(order(path), CtlOrder::Kill(KillOrder { path: Some(path.into()), pid: None }));
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    for (line, refused) in [
        ("verse ctl", "verse ctl: a subcommand is missing; see verse ctl --help"),
        ("verse ctl kil a", "verse ctl: no subcommand 'kil'; did you mean kill?"),
        ("verse ctl kill", "verse ctl: PATH is missing"),
        ("verse ctl kill ", "verse ctl: PATH: it names nobody"),
        (
            "verse ctl tree --admin x",
            "verse ctl: --admin: 'x' is no port; a port is an integer from 0 to 65535",
        ),
        (
            "verse ctl tree --admin 0",
            "verse ctl: --admin: '127.0.0.1:0' has port 0, which nobody can connect to",
        ),
        ("verse ctl tree proxy", "verse ctl: unexpected argument 'proxy'"),
    ] {
        assert_eq!(refusal(line), refused, "{line}");
    }
}
