//! Lines for people and scripts; where the series prints one, it is the series' own.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Host, HostPort};

/// On stdout once a poem server listens: `Serving poetry/ecstasy.txt on 127.0.0.1:10000.`
pub fn serving(poem: &str, at: SocketAddr) -> String {
    format!("Serving {poem} on {at}.")
}

/// On stdout once the transform service listens: `Serving transforms on 127.0.0.1:10011.`
pub fn serving_transforms(at: SocketAddr) -> String {
    format!("Serving transforms on {at}.")
}

/// On stdout once the admin port listens: `Serving the admin port on 127.0.0.1:10080.`
pub fn serving_admin(at: SocketAddr) -> String {
    format!("Serving the admin port on {at}.")
}

/// On stdout once a proxy listens: `Proxying 127.0.0.1:10004 on 127.0.0.1:10020.`
pub fn proxying(upstream: &dyn Display, at: SocketAddr) -> String {
    format!("Proxying {upstream} on {at}.")
}

/// When the blocking client turns to a server, with `--tasks`: `Task 1: get poetry from: 127.0.0.1:10000` (Part 2).
pub fn task_start(task: usize, server: &HostPort) -> String {
    format!("Task {task}: get poetry from: {server}")
}

/// For each piece of a poem, with `--tasks`: `Task 1: got 30 bytes of poetry from 127.0.0.1:10000` (Part 2).
pub fn task_progress(task: usize, bytes: usize, server: &HostPort) -> String {
    format!("Task {task}: got {bytes} bytes of poetry from {server}")
}

/// At the end of a task, with `--tasks`: `Task 1: 3003 bytes of poetry` (Part 2).
pub fn task_end(task: usize, bytes: usize) -> String {
    format!("Task {task}: {bytes} bytes of poetry")
}

/// For each poem: `Task 1: got 3003 bytes of poetry from 127.0.0.1:10000 in 0:00:10.126361` (Part 2, the
/// blocking client).
pub fn poem(task: usize, bytes: usize, server: &HostPort, took: Duration) -> String {
    format!("{} in {}", task_progress(task, bytes, server), elapsed(took))
}

/// The last line: `Got 3 poems in 0:00:10.134220`. The plural is the series' own, for 1 as well.
pub fn summary(poems: usize, took: Duration) -> String {
    format!("Got {poems} poems in {}", elapsed(took))
}

/// For a server that failed: `Task 1: no poem from 127.0.0.1:10000: connection refused`.
pub fn failed(task: usize, server: &HostPort, cause: &dyn Display) -> String {
    format!("Task {task}: no poem from {server}: {cause}")
}

/// For a poem of which a part was already printed by `--order stream`.
pub fn not_whole(task: usize, printed: usize, server: &HostPort, cause: &dyn Display) -> String {
    format!("Task {task}: the poem from {server} is not whole, {printed} bytes of it were printed: {cause}")
}

/// For a transform that failed, with a capital as the series prints it: `Cummingsify failed!` (Part 13).
pub fn transform_failed(name: &str) -> String {
    let mut rest = name.chars();
    let first = rest.next().map(|c| c.to_ascii_uppercase());
    format!("{}{} failed!", first.map(String::from).unwrap_or_default(), rest.as_str())
}

/// How long something took, as `H:MM:SS.ffffff`: `0:00:10.134220`. Hours go on past 24; what is finer than a
/// microsecond is cut off.
pub fn elapsed(took: Duration) -> String {
    let seconds = took.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}.{:06}", took.subsec_micros())
}

/// The file of a poem in `--output DIR`: `TASK-HOST-PORT.txt`, an IPv6 address without brackets and with `-`
/// for `:`, so that it is a name on every file system.
pub fn file_name(task: usize, server: &HostPort) -> String {
    let host = match &server.host {
        Host::Ip(ip) => ip.to_string().replace(':', "-"),
        Host::Name(name) => name.clone(),
    };
    format!("{task}-{host}-{}.txt", server.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> HostPort {
        HostPort::loopback(10000)
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_listener_is_announced_in_one_line() {
        assert_eq!(
            serving("poetry/ecstasy.txt", at("127.0.0.1:10000")),
            "Serving poetry/ecstasy.txt on 127.0.0.1:10000."
        );
        assert_eq!(serving_transforms(at("127.0.0.1:10011")), "Serving transforms on 127.0.0.1:10011.");
        let line = proxying(&HostPort::loopback(10004), at("[::1]:10020"));
        assert_eq!(line, "Proxying 127.0.0.1:10004 on [::1]:10020.");
    }

    #[test]
    fn tasks_are_told_in_the_words_of_the_series() {
        let took = Duration::from_micros(10_126_361);
        assert_eq!(task_start(1, &server()), "Task 1: get poetry from: 127.0.0.1:10000");
        assert_eq!(task_progress(1, 30, &server()), "Task 1: got 30 bytes of poetry from 127.0.0.1:10000");
        assert_eq!(task_end(1, 3003), "Task 1: 3003 bytes of poetry");
        assert_eq!(
            poem(1, 3003, &server(), took),
            "Task 1: got 3003 bytes of poetry from 127.0.0.1:10000 in 0:00:10.126361"
        );
        assert_eq!(summary(3, Duration::from_micros(10_134_220)), "Got 3 poems in 0:00:10.134220");
        assert_eq!(transform_failed("cummingsify"), "Cummingsify failed!");
    }

    #[test]
    fn a_failure_names_the_server_and_the_cause() {
        let line = failed(2, &server(), &"connection refused");
        assert_eq!(line, "Task 2: no poem from 127.0.0.1:10000: connection refused");
        assert_eq!(
            not_whole(1, 512, &server(), &"connection reset"),
            "Task 1: the poem from 127.0.0.1:10000 is not whole, 512 bytes of it were printed: connection reset"
        );
    }

    #[test]
    fn elapsed_time_has_hours_and_always_six_digits_behind_the_point() {
        let cases = [
            (Duration::ZERO, "0:00:00.000000"),
            (Duration::from_nanos(1_999), "0:00:00.000001"),
            (Duration::from_secs(59), "0:00:59.000000"),
            (Duration::from_secs(60), "0:01:00.000000"),
            (Duration::from_secs(3_599), "0:59:59.000000"),
            (Duration::from_millis(90_061_500), "25:01:01.500000"),
        ];
        for (took, text) in cases {
            assert_eq!(elapsed(took), text);
        }
    }

    #[test]
    fn a_file_is_named_after_its_task_and_server() {
        assert_eq!(file_name(1, &server()), "1-127.0.0.1-10000.txt");
        assert_eq!(file_name(2, &"[2001:db8::1]:80".parse().unwrap()), "2-2001-db8--1-80.txt");
        assert_eq!(file_name(3, &"poems.org:80".parse().unwrap()), "3-poems.org-80.txt");
    }
}
