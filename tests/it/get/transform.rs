//! `--transform`, and `verse apply`.

use super::{got, no_poem, summary};
use crate::server::{CONCURRENT, ENGINES, Server, Step, each, expect, refused_port, send};

#[test]
fn a_poem_goes_through_the_transform_service() {
    each(ENGINES, |engine| {
        let (poems, transforms) = (
            Server::new([send("TRUE\n")]),
            Server::new([expect("17:cummingsify.TRUE\n,"), send("5:true\n,")]),
        );
        let (port, service) = (poems.port(), transforms.port());
        let output = engine.verse(&["get", &port, "--transform", &service]);
        assert_eq!(output.stdout, "true\n");
        assert_eq!((output.stderr, output.code), (got(1, 5, &port) + &summary(1), Some(0)));
        transforms.ended();
    });
}

#[test]
fn every_failure_of_a_transform_service_looks_alike_and_leaves_the_original() {
    each(ENGINES, |engine| {
        let closes = || Server::new([expect("12:rot13.TRUE\n,")]);
        let resets = || Server::new([expect("12:rot13.TRUE\n,"), Step::Reset]);
        let truncates = || Server::new([expect("12:rot13.TRUE\n,"), send("5:GEH")]);
        for service in [closes().port(), resets().port(), truncates().port(), refused_port()] {
            let poems = Server::new([send("TRUE\n")]);
            let port = poems.port();
            let output = engine.verse(&["get", &port, "--transform", &service, "--name", "rot13"]);
            assert_eq!(output.stdout, "TRUE\n");
            let expected = got(1, 5, &port) + "Rot13 failed!\n" + &summary(1);
            assert_eq!((output.stderr, output.code), (expected, Some(1)));
        }
    });
}

#[test]
fn a_transform_service_that_says_nothing_has_failed() {
    each(ENGINES, |engine| {
        let (poems, transforms) = (Server::new([send("TRUE\n")]), Server::new([Step::Hold]));
        let args =
            ["get", &poems.port(), "--transform", &transforms.port(), "--idle-timeout", "0.1", "--quiet"];
        let output = engine.verse(&args);
        let expected = ("TRUE\n", "Cummingsify failed!\n", Some(1));
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), expected);
    });
}

#[test]
fn a_download_that_fails_is_not_transformed() {
    each(ENGINES, |engine| {
        let poems = Server::new([]);
        let port = poems.port();
        let output = engine.verse(&["get", &port, "--transform", &refused_port(), "--quiet"]);
        assert_eq!(output.stderr, no_poem(1, &port, "it ended without a single byte"));
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
    });
}

#[test]
fn the_clients_own_engine_transforms_text_and_nothing_else() {
    each(ENGINES, |engine| {
        let (text, bytes) =
            (Server::new([send("TRUE\n")]), Server::new([Step::Send(b"TRUE\xff\n".to_vec())]));
        let output = engine.verse(&["get", &text.port(), "--transform", "local", "--quiet"]);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("true\n", "", Some(0)));
        let output = engine.verse(&["get", &bytes.port(), "--transform", "local", "--json", "--quiet"]);
        assert!(
            output.stdout.contains(r#""poem_base64":"VFJVRf8K","error":"Cummingsify failed!""#),
            "{output:?}"
        );
        assert_eq!((output.stderr.as_str(), output.code), ("Cummingsify failed!\n", Some(1)));
    });
}

#[test]
fn byronify_in_the_client_ends_in_one_of_its_three_ways_for_each_poem() {
    each(ENGINES, |engine| {
        let servers: Vec<Server> = (0..12).map(|_| Server::new([send("Time.\n")])).collect();
        let ports: Vec<String> = servers.iter().map(Server::port).collect();
        let mut args = vec!["get", "--transform", "local", "--name", "byronify", "--json", "--quiet"];
        args.extend(ports.iter().map(String::as_str));
        let output = engine.verse(&args);
        let failures = output.stderr.lines().count();
        for line in output.stdout.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            let end = (text("poem"), text("error"));
            let (poem, error) = (end.0.as_deref(), end.1.as_deref());
            let gibberish = "cannot byronify: this is gibberish, not a poem";
            assert!(
                matches!(
                    (poem, error),
                    (Some("Time!\n"), None) | (Some("Time.\n"), Some("Byronify failed!"))
                ) || (poem, error) == (None, Some(gibberish)),
                "{line}"
            );
        }
        assert_eq!(output.stdout.lines().count(), 12);
        assert_eq!(output.code, Some(i32::from(failures > 0)));
        assert!(
            !output.stderr.contains("panicked"),
            "a panic in an engine is not told as one: {}",
            output.stderr
        );
    });
}

#[test]
fn apply_prints_the_answer_to_what_is_on_stdin() {
    each(CONCURRENT, |engine| {
        let transforms = Server::new([expect("15:shout.a\nb dot.\n,"), send("3:A\nB,")]);
        let mut command = engine.start(&["apply", &transforms.port(), "shout"]);
        std::io::Write::write_all(command.child.stdin.as_mut().unwrap(), b"a\nb dot.\n").unwrap();
        let output = command.end();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("A\nB", "", Some(0)));
        transforms.ended();
    });
}

#[test]
fn apply_says_why_there_is_no_answer() {
    each(CONCURRENT, |engine| {
        let service = refused_port();
        let output = engine.verse(&["apply", &service, "shout", "poetry/science.txt"]);
        let expected =
            format!("verse apply: cannot have it transformed by 127.0.0.1:{service}: connection refused\n");
        assert_eq!((output.stdout.as_str(), output.stderr, output.code), ("", expected, Some(1)));
        let silent = Server::new([Step::Hold]);
        let output =
            engine.verse(&["apply", &silent.port(), "shout", "poetry/science.txt", "--timeout", "0.1"]);
        let expected = format!(
            "verse apply: cannot have it transformed by 127.0.0.1:{}: not done within 100ms\n",
            silent.port()
        );
        assert_eq!((output.stdout.as_str(), output.stderr, output.code), ("", expected, Some(1)));
    });
}

#[test]
fn apply_refuses_an_empty_stdin() {
    each(CONCURRENT, |engine| {
        let output = engine.verse(&["apply", &refused_port(), "shout"]);
        assert_eq!((output.stderr.as_str(), output.code), ("verse apply: poem stdin is empty\n", Some(2)));
    });
}
