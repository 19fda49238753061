//! Each bad input: exit code 2, one line on stderr, the argument named. Nothing listens, because nothing but
//! files was touched.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::{Folder, refusal};
use crate::cli::{Code, parse};

/// A poem that is there.
const POEM: &str = "poetry/science.txt";

#[test]
fn a_poem_that_is_missing_a_folder_or_empty_is_refused() {
    let folder = Folder::new("poems");
    let missing = folder.name("none.txt");
    assert_eq!(
        refusal(&format!("verse serve {missing}")),
        format!("verse serve: cannot read poem {missing}: no such file")
    );
    let directory = folder.path().display();
    assert_eq!(
        refusal(&format!("verse serve {POEM} {directory}")),
        format!("verse serve: cannot read poem {directory}: it is a directory")
    );
    let empty = folder.file("empty.txt", "");
    assert_eq!(refusal(&format!("verse serve {empty}")), format!("verse serve: poem {empty} is empty"));
    assert_eq!(
        refusal(&format!("verse apply 10011 rot13 {missing}")),
        format!("verse apply: cannot read poem {missing}: no such file")
    );
}

#[test]
fn a_poem_too_many_is_refused() {
    let line = format!("verse serve{}", " x".repeat(1025));
    assert_eq!(refusal(&line), "verse serve: POEM: 1025 of them; at most 1024");
    let line = format!("verse get{}", " 1".repeat(4097));
    assert_eq!(refusal(&line), "verse get: [HOST:]PORT: 4097 of them; at most 4096");
}

#[test]
fn no_bytes_at_a_time_is_refused() {
    for bad in ["0", "-1", "1.5", "ten", "", "1048577", "99999999999999999999"] {
        assert_eq!(
            refusal(&format!("verse serve {POEM} --num-bytes={bad}")),
            if bad.is_empty() {
                "verse serve: --num-bytes: '' is no integer from 1 to 1048576".to_owned()
            } else {
                format!("verse serve: --num-bytes: '{bad}' is no integer from 1 to 1048576")
            }
        );
    }
    let line = "verse serve: --num-bytes: '-1' is no integer from 1 to 1048576";
    assert_eq!(refusal(&format!("verse serve {POEM} --num-bytes -1")), line);
}

#[test]
fn a_delay_that_is_negative_or_no_number_is_refused() {
    let no_duration = |text| format!("'{text}' is no duration; give seconds like 0.1, or 100ms, 10s, 1h30m");
    let cases = [
        ("-1", "'-1' is negative".to_owned()),
        ("-0.5", "'-0.5' is negative".to_owned()),
        ("-100ms", "'-100ms' is negative".to_owned()),
        ("-1e-3", "'-1e-3' is negative".to_owned()),
        ("nan", no_duration("nan")),
        ("NaN", no_duration("NaN")),
        ("inf", no_duration("inf")),
        ("1.2.3", no_duration("1.2.3")),
        ("soon", no_duration("soon")),
        ("1e300", "'1e300' is too long".to_owned()),
        ("25h", "'25h' is out of bounds; 0s to 24h".to_owned()),
    ];
    for (delay, problem) in cases {
        assert_eq!(
            refusal(&format!("verse serve {POEM} --delay={delay}")),
            format!("verse serve: --delay: {problem}")
        );
    }
    assert_eq!(refusal(&format!("verse serve {POEM} --delay -1")), "verse serve: --delay: '-1' is negative");
    let line = format!("verse serve: --delay: {}", no_duration("--slow"));
    assert_eq!(refusal(&format!("verse serve {POEM} --delay --slow")), line);
    assert_eq!(
        refusal(&format!("verse serve {POEM} --delay -100ms")),
        "verse serve: --delay: '-100ms' is negative"
    );
}

#[test]
fn a_port_that_is_no_integer_up_to_65535_is_refused() {
    let problem = |text| format!("'{text}' is no port; a port is an integer from 0 to 65535");
    for bad in ["65536", "-1", "80.0", "http", "+80", "0x50"] {
        for (command, argument) in [
            (format!("serve {POEM} --port={bad}"), "--port"),
            (format!("transform --port={bad}"), "--port"),
            (format!("transform --lines-port={bad}"), "--lines-port"),
            (format!("proxy 1 --port={bad}"), "--port"),
            (format!("get 1 127.0.0.1:{bad}"), "[HOST:]PORT"),
            (format!("get 1 --transform=localhost:{bad}"), "--transform"),
            (format!("apply [::1]:{bad} rot13"), "[HOST:]PORT"),
            (format!("proxy a.org:{bad}"), "[HOST:]PORT"),
        ] {
            let name = command.split(' ').next().unwrap();
            assert_eq!(
                refusal(&format!("verse {command}")),
                format!("verse {name}: {argument}: {}", problem(bad))
            );
        }
    }
    assert_eq!(
        refusal(&format!("verse serve {POEM} --port -1")),
        format!("verse serve: --port: {}", problem("-1"))
    );
}

#[test]
fn port_0_cannot_be_asked() {
    for command in ["get 0", "apply 0 rot13", "proxy 0"] {
        let name = command.split(' ').next().unwrap();
        assert_eq!(
            refusal(&format!("verse {command}")),
            format!("verse {name}: [HOST:]PORT: '127.0.0.1:0' has port 0, which nobody can connect to")
        );
    }
}

#[test]
fn ports_that_run_past_65535_are_refused() {
    assert_eq!(
        refusal(&format!("verse serve {POEM} {POEM} --port 65535")),
        "verse serve: --port: '65535' leaves no ports up to 65535 for 2 poems"
    );
}

#[test]
fn the_same_port_twice_is_refused() {
    assert_eq!(
        refusal("verse transform --port 10011 --lines-port 10011"),
        "verse transform: --lines-port: '10011' is already the --port"
    );
    assert_eq!(
        refusal("verse proxy 10004 --port 10004"),
        "verse proxy: --port: '127.0.0.1:10004' is the upstream itself"
    );
    let folder = Folder::new("ports");
    let config = folder.file("verse.toml", "[transform]\nlisten = 1\n[[proxy]]\nupstream = 2\nlisten = 1\n");
    for command in ["node", "check"] {
        assert_eq!(
            refusal(&format!("verse {command} {config}")),
            format!(
                "verse {command}: {config}:5:10: `listen` in [[proxy]] number 1: \
                 127.0.0.1:1 is already taken by `listen` in [transform]"
            )
        );
    }
}

#[test]
fn what_is_required_is_named_when_it_is_missing() {
    assert_eq!(refusal("verse get"), "verse get: [HOST:]PORT is missing");
    assert_eq!(refusal("verse get --tasks"), "verse get: [HOST:]PORT is missing");
    assert_eq!(refusal("verse serve"), "verse serve: POEM is missing");
    assert_eq!(refusal("verse apply 1"), "verse apply: NAME is missing");
    assert_eq!(refusal("verse apply"), "verse apply: [HOST:]PORT, NAME is missing");
    assert_eq!(refusal("verse proxy"), "verse proxy: [HOST:]PORT is missing");
    assert_eq!(refusal("verse check"), "verse check: CONFIG is missing");
    assert_eq!(refusal("verse"), "verse: a subcommand is missing; see verse --help");
    assert_eq!(refusal(&format!("verse serve {POEM} --port")), "verse serve: --port: a value is missing");
    assert_eq!(refusal("verse get 1 --order"), "verse get: --order: a value is missing");
}

#[test]
fn a_port_base_with_a_configuration_is_refused() {
    assert_eq!(
        refusal("verse node verse.toml --port-base 20000"),
        "verse node: CONFIG cannot be combined with --port-base"
    );
    assert_eq!(
        refusal("verse node --port-base 20000 verse.toml"),
        "verse node: --port-base cannot be combined with CONFIG"
    );
}

#[test]
fn a_port_base_without_room_for_the_ports_is_refused() {
    for bad in ["65456", "-1", "x"] {
        assert_eq!(
            refusal(&format!("verse node --port-base {bad}")),
            format!(
                "verse node: --port-base: '{bad}' is no port base; it is an integer from 0 (any free ports) to 65455"
            )
        );
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_file_line_and_a_suggestion() {
    let folder = Folder::new("keys");
    let config = folder.file("verse.toml", "[node]\ndrian = \"1s\"\n");
    for command in ["node", "check"] {
        assert_eq!(
            refusal(&format!("verse {command} {config}")),
            format!("verse {command}: {config}:2:1: unknown key `drian` in [node]; did you mean `drain`?")
        );
    }
}

#[test]
fn a_configuration_that_cannot_be_read_or_names_no_poem_is_refused() {
    let folder = Folder::new("configs");
    let missing = folder.name("none.toml");
    let line = refusal(&format!("verse check {missing}"));
    assert!(line.starts_with(&format!("verse check: {missing}: cannot read the configuration: ")), "{line}");
    assert_eq!(line.matches("No such file").count(), 1, "{line}");
    let config = folder.file("verse.toml", "[[poem]]\nfile = \"ode.txt\"\n");
    let poem = folder.name("ode.txt");
    for command in ["node", "check"] {
        assert_eq!(
            refusal(&format!("verse {command} {config}")),
            format!("verse {command}: cannot read poem {poem}: no such file")
        );
    }
}

#[test]
fn streaming_cannot_be_combined_with_what_needs_whole_poems() {
    for (flag, name) in
        [("--transform local", "--transform"), ("--json", "--json"), ("--output poems", "--output")]
    {
        assert_eq!(
            refusal(&format!("verse get 1 --order stream {flag}")),
            format!("verse get: --order: 'stream' cannot be combined with {name}, which needs whole poems")
        );
    }
}

#[test]
fn a_flag_without_the_one_it_is_about_is_refused() {
    assert_eq!(
        refusal("verse get 1 --name rot13"),
        "verse get: --name: there is no --transform that it could be the name of"
    );
    assert_eq!(
        refusal("verse get 1 --force"),
        "verse get: --force: there is no --output whose files it could overwrite"
    );
    assert_eq!(
        refusal("verse transform --list --port 1"),
        "verse transform: --list cannot be combined with anything else"
    );
    for flag in ["--framing", "--upstream-framing"] {
        assert_eq!(
            refusal(&format!("verse proxy 1 --transforms {flag} raw")),
            format!("verse proxy: --transforms cannot be combined with {flag}")
        );
    }
}

#[test]
fn an_output_that_is_no_directory_is_refused() {
    assert_eq!(
        refusal(&format!("verse get 1 --output {POEM}")),
        format!("verse get: --output: '{POEM}' is no directory")
    );
}

#[test]
fn a_name_that_no_transform_can_have_is_refused() {
    let problem = |name| format!("'{name}' is no name; it has 1 to 64 visible ASCII characters and no dot");
    let long = "a".repeat(65);
    for name in ["a.b", "é", "", long.as_str()] {
        let line = refusal(&format!("verse get 1 --transform local --name={name}"));
        assert_eq!(line, format!("verse get: --name: {}", problem(name)));
    }
    assert_eq!(
        refusal("verse get 1 --transform local --name sonnetize"),
        "verse get: --name: 'sonnetize' is no transform of this program; \
         there are byronify, cummingsify, reverse-lines, rot13, shout, title"
    );
    assert_eq!(refusal("verse apply 1 a.b"), format!("verse apply: NAME: {}", problem("a.b")));
}

#[test]
fn a_wait_out_of_bounds_is_refused() {
    let cases = [
        ("get 1 --timeout 0", "--timeout: '0' is out of bounds; 1ms to 24h"),
        ("get 1 --idle-timeout 25h", "--idle-timeout: '25h' is out of bounds; 1ms to 24h"),
        ("apply 1 rot13 --timeout 0", "--timeout: '0' is out of bounds; 1ms to 24h"),
        ("transform --deadline 2h", "--deadline: '2h' is out of bounds; 1ms to 1h"),
        ("proxy 1 --ttl 366d", "--ttl: '366d' is out of bounds; 0s to 8760h"),
        ("proxy 1 --ttl -1", "--ttl: '-1' is negative"),
    ];
    for (command, problem) in cases {
        let name = command.split(' ').next().unwrap();
        assert_eq!(refusal(&format!("verse {command}")), format!("verse {name}: {problem}"));
    }
}

#[test]
fn a_value_that_is_none_of_the_known_ones_is_refused_with_them() {
    let cases = [
        (format!("serve {POEM} --framing xml"), "--framing: 'xml' is none of raw, netstring"),
        ("get 1 --order random".to_owned(), "--order: 'random' is none of arrival, given, stream"),
        ("get 1 --log loud".to_owned(), "--log: 'loud' is none of off, error, warn, info, debug, trace"),
        ("get 1 --engine threads".to_owned(), "--engine: 'threads' is none of actor, reactor, blocking"),
        (
            "get 1 --engine reactor --poller kqueue".to_owned(),
            "--poller: 'kqueue' is none of epoll, poll, select",
        ),
        (
            "proxy 1 --engine reactor --proxy-version 4".to_owned(),
            "--proxy-version: '4' is none of 1.0, 2.0, 3.0",
        ),
        (
            format!("serve {POEM} --iface a/b"),
            "--iface: 'a/b' is no host; give a name, an IPv4 address, or an IPv6 address in brackets",
        ),
        (
            format!("serve {POEM} --max-connections 0"),
            "--max-connections: '0' is no integer from 1 to 1000000",
        ),
        ("transform --seed -1".to_owned(), "--seed: '-1' is no integer from 0 to 9223372036854775807"),
    ];
    for (command, problem) in cases {
        let name = command.split(' ').next().unwrap();
        assert_eq!(refusal(&format!("verse {command}")), format!("verse {name}: {problem}"));
    }
}

#[test]
fn what_an_engine_cannot_honour_is_refused() {
    let blocking = "--engine: 'blocking' is for serve and get; here it is actor or reactor";
    let supervised =
        |name| format!("--engine: '{name}' has no supervisors, which a node is made of; here it is actor");
    let poller = "--poller: 'poll' is for --engine reactor; the others have no choice".to_owned();
    let at_once =
        "--max-connections: '2' cannot be had of --engine blocking, which serves one client at a time";
    let version = "--proxy-version: it is for --engine reactor; actors have one proxy";
    let cases = [
        ("transform --engine blocking".to_owned(), blocking.to_owned()),
        ("apply 1 shout --engine blocking".to_owned(), blocking.to_owned()),
        ("proxy 1 --engine blocking".to_owned(), blocking.to_owned()),
        ("node --engine reactor".to_owned(), supervised("reactor")),
        ("node --engine blocking".to_owned(), supervised("blocking")),
        ("get 1 --poller poll".to_owned(), poller.clone()),
        ("apply 1 shout --poller poll".to_owned(), poller.clone()),
        (format!("serve {POEM} --engine actor --poller poll"), poller.clone()),
        (format!("serve {POEM} --engine blocking --poller poll"), poller),
        (format!("serve {POEM} --engine blocking --max-connections 2"), at_once.to_owned()),
        ("proxy 1 --proxy-version 1.0".to_owned(), version.to_owned()),
    ];
    for (command, problem) in cases {
        let name = command.split(' ').next().unwrap();
        assert_eq!(refusal(&format!("verse {command}")), format!("verse {name}: {problem}"));
    }
    assert_eq!(
        refusal("verse proxy 1 --engine reactor --transforms --proxy-version 1.0"),
        "verse proxy: --transforms cannot be combined with --proxy-version"
    );
}

#[test]
fn what_nobody_knows_is_refused_with_a_suggestion() {
    assert_eq!(refusal("verse serv x"), "verse: no subcommand 'serv'; did you mean serve?");
    assert_eq!(refusal("verse sing"), "verse: no subcommand 'sing'");
    assert_eq!(
        refusal("verse get 1 --fram raw"),
        "verse get: unexpected argument '--fram'; did you mean --framing?"
    );
    assert_eq!(refusal("verse get 1 --zzz"), "verse get: unexpected argument '--zzz'");
    assert_eq!(refusal("verse --zzz"), "verse: unexpected argument '--zzz'");
    assert_eq!(refusal("verse check a b"), "verse check: unexpected argument 'b'");
    assert_eq!(refusal("verse get 1 --quiet=yes"), "verse get: --quiet: 'yes' is one value too many");
    assert_eq!(
        refusal(&format!("verse serve {POEM} --port 1 --port 2")),
        "verse serve: --port is given twice"
    );
}

#[test]
fn an_error_stays_one_line_whatever_is_in_a_file_name() {
    let exit = parse(["verse", "serve", "two\nlines\u{1b}[31m.txt"]).unwrap_err();
    assert_eq!(exit.code(), Code::Usage);
    assert_eq!(exit.text(), "verse serve: cannot read poem two\\nlines\\u{1b}[31m.txt: no such file\n");
    let latin = OsString::from_vec(b"caf\xe9".to_vec());
    let exit = parse([OsString::from("verse"), OsString::from("get"), latin]).unwrap_err();
    assert_eq!((exit.code(), exit.text()), (Code::Usage, "verse get: an argument is not UTF-8\n"));
}
