//! `--json` and `--output`.

use super::{got, no_poem, summary};
use crate::server::{CONCURRENT, ENGINES, Folder, Server, Step, each, refused_port, send};

#[test]
fn json_is_a_line_a_server_also_for_one_that_failed() {
    each(ENGINES, |engine| {
        let refused = refused_port();
        let (text, bytes) = (Server::new([send("true\n")]), Server::new([Step::Send(b"\xff\x00a".to_vec())]));
        let (text_port, bytes_port) = (text.port(), bytes.port());
        let output = engine.verse(&[
            "get",
            &refused,
            &text_port,
            &bytes_port,
            "--json",
            "--order",
            "given",
            "--quiet",
        ]);
        let lines: Vec<serde_json::Value> =
            output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let field = |line: usize, name: &str| lines[line][name].clone();
        assert_eq!(lines.len(), 3);
        for (line, port) in [&refused, &text_port, &bytes_port].into_iter().enumerate() {
            assert_eq!(field(line, "task"), line + 1);
            assert_eq!(field(line, "server"), format!("127.0.0.1:{port}"));
            assert!(field(line, "seconds").as_f64().unwrap() >= 0.0);
        }
        assert_eq!((field(0, "ok"), field(0, "bytes")), (false.into(), 0.into()));
        assert_eq!(field(0, "error"), "connection refused");
        assert_eq!(
            (field(1, "ok"), field(1, "bytes"), field(1, "poem")),
            (true.into(), 5.into(), "true\n".into())
        );
        assert_eq!((field(2, "poem_base64"), field(2, "poem")), ("/wBh".into(), serde_json::Value::Null));
        assert_eq!(output.stderr, no_poem(1, &refused, "connection refused"));
        assert_eq!(output.code, Some(1));
    });
}

#[test]
fn each_poem_has_a_file_and_stdout_has_none() {
    each(ENGINES, |engine| {
        let folder = Folder::new("each-poem");
        let dir = folder.0.join("new/poems");
        let (one, two) = (Server::new([send("one")]), Server::new([]));
        let (one_port, two_port) = (one.port(), two.port());
        let output = engine.verse(&[
            "get",
            &one_port,
            &two_port,
            "--output",
            dir.to_str().unwrap(),
            "--order",
            "given",
        ]);
        let written = Folder(dir);
        assert_eq!(written.files(), [(format!("1-127.0.0.1-{one_port}.txt"), "one".to_owned())]);
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
        // In either order.
        let mut lines: Vec<&str> = output.stderr.lines().collect();
        lines.sort_unstable();
        let failed = no_poem(2, &two_port, "it ended without a single byte");
        assert_eq!(lines, [summary(1).trim_end(), got(1, 3, &one_port).trim_end(), failed.trim_end()]);
    });
}

#[test]
fn a_file_that_is_there_is_an_error_before_anybody_is_asked_unless_forced() {
    each(ENGINES, |engine| {
        let folder = Folder::new("is-there");
        let server = Server::new([send("new")]);
        let port = server.port();
        let place = folder.0.join(format!("1-127.0.0.1-{port}.txt"));
        std::fs::write(&place, "old").unwrap();
        let dir = folder.0.to_str().unwrap();
        let output = engine.verse(&["get", &port, "--output", dir]);
        let expected = format!("verse get: --output: '{}' exists; --force overwrites it\n", place.display());
        assert_eq!((output.stdout.as_str(), output.stderr, output.code), ("", expected, Some(2)));
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "old");
        // The server has not been asked yet: it answers its only connection now.
        let output = engine.verse(&["get", &port, "--output", dir, "--force", "--quiet"]);
        assert_eq!((output.stderr.as_str(), output.code), ("", Some(0)));
        assert_eq!(folder.files(), [(format!("1-127.0.0.1-{port}.txt"), "new".to_owned())]);
    });
}

#[test]
fn a_file_that_appears_meanwhile_is_kept_and_the_poem_is_not_got() {
    each(CONCURRENT, |engine| {
        let folder = Folder::new("appears");
        let (open, gate) = crate::server::gate();
        let server = Server::new([send("ne"), gate, send("w")]);
        let port = server.port();
        let dir = folder.0.to_str().unwrap();
        let mut command = engine.start(&["get", &port, "--output", dir, "--tasks"]);
        command.line_of_stderr();
        let place = folder.0.join(format!("1-127.0.0.1-{port}.txt"));
        std::fs::write(&place, "another's").unwrap();
        open.send(()).unwrap();
        let output = command.end();
        let expected = format!("Task 1: cannot write '{}': File exists (os error 17)", place.display());
        assert!(output.stderr.lines().any(|line| line == expected), "{}", output.stderr);
        assert_eq!(output.code, Some(1));
        assert_eq!(
            folder.files(),
            [(format!("1-127.0.0.1-{port}.txt"), "another's".to_owned())],
            "and no rest"
        );
    });
}

#[test]
fn an_output_directory_that_cannot_be_made_is_told_before_anybody_is_asked() {
    each(ENGINES, |engine| {
        let folder = Folder::new("no-dir");
        std::fs::write(folder.0.join("file"), "").unwrap();
        let dir = folder.0.join("file/poems");
        let output = engine.verse(&["get", &refused_port(), "--output", dir.to_str().unwrap()]);
        let expected = format!(
            "verse get: --output: cannot create '{}': Not a directory (os error 20)\n",
            dir.display()
        );
        assert_eq!((output.stderr, output.code), (expected, Some(3)));
    });
}
