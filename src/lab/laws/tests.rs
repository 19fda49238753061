//! Each law holds for a chronicle in which all is well and is broken by the one fact that is against it.

use super::*;

fn second(at: u64) -> Duration {
    Duration::from_secs(at)
}

fn record(at: u64, host: &str, fact: Fact) -> Record {
    Record { at: second(at), host: host.into(), fact }
}

fn asked(at: u64, client: usize) -> Record {
    record(at, "clients", Fact::Asked { client, target: "short" })
}

fn got(at: u64, client: usize, answer: Result<(usize, bool), &str>) -> Record {
    let answer = answer.map_err(str::to_owned);
    record(at, "clients", Fact::Got { client, target: "short", answer })
}

fn net(at: u64, connection: u64, what: NetChange) -> Record {
    let to = SocketAddr::from(([10, 0, 0, 1], 10_001));
    record(at, "proxy", Fact::Net(NetFact { connection, to, what }))
}

fn phase(at: u64, phase: Phase) -> Record {
    let peer = SocketAddr::from(([10, 0, 0, 3], 40_000));
    record(at, "server", Fact::Node(Event::Connection { service: "short".into(), peer, phase }))
}

/// A fault at 2 s, well again from 10 s on, all answered by 20 s.
fn well() -> Vec<Record> {
    vec![
        record(0, "server", Fact::Born(1)),
        record(0, "proxy", Fact::Born(1)),
        asked(1, 1),
        net(1, 1, NetChange::Opening),
        phase(1, Phase::Accepted),
        phase(1, Phase::Sending),
        net(1, 1, NetChange::Closed),
        phase(2, Phase::Reset { reason: "a fault".into() }),
        got(2, 1, Err("connection reset")),
        net(3, 2, NetChange::Opening),
        // The port is used again.
        phase(3, Phase::Accepted),
        asked(11, 2),
        net(11, 2, NetChange::Closed),
        got(12, 2, Ok((700, true))),
    ]
}

fn broken(records: &[Record]) -> Vec<&'static str> {
    let terms = Terms { proxies: vec!["proxy".into()], well_from: second(10), answered_by: second(20) };
    all(records, &terms).into_iter().map(|broken| broken.law).collect()
}

fn with(more: impl IntoIterator<Item = Record>) -> Vec<&'static str> {
    let mut records = well();
    records.extend(more);
    broken(&records)
}

#[test]
fn where_all_is_well_no_law_is_broken() {
    assert_eq!(broken(&well()), [""; 0]);
}

#[test]
fn a_poem_reported_whole_that_is_not_is_found() {
    assert_eq!(with([asked(13, 3), got(14, 3, Ok((699, false)))]), ["what is reported whole is the poem"]);
}

#[test]
fn one_who_is_not_answered_in_time_is_found() {
    assert_eq!(with([asked(13, 3)]), ["everybody is answered"]);
    assert_eq!(with([asked(13, 3), got(21, 3, Ok((700, true)))]), ["everybody is answered"]);
}

#[test]
fn a_failure_long_after_the_faults_is_found_and_one_before_is_none() {
    assert_eq!(with([asked(10, 3), got(14, 3, Err("reset"))]), ["after the faults the node answers again"]);
    assert_eq!(with([asked(9, 3), got(14, 3, Err("reset"))]), [""; 0]);
}

#[test]
fn a_second_fetch_beside_the_first_is_found_unless_the_host_crashed_between() {
    let two = [net(13, 3, NetChange::Opening), net(14, 4, NetChange::Opening)];
    assert_eq!(with(two.clone()), ["at most one fetch at a time for a poem"]);
    let [first, second] = two;
    assert_eq!(with([first, record(13, "proxy", Fact::HostCrashed), second]), [""; 0]);
}

#[test]
fn a_connection_that_goes_on_after_its_end_is_found() {
    assert_eq!(with([phase(13, Phase::Closed)]), ["a connection goes through its phases in order"]);
}

#[test]
fn what_was_met_is_counted_and_what_was_not_is_named() {
    let met = met(&well());
    assert_eq!((met.of("a poem whole"), met.of("a poem not got"), met.of("a connection reset")), (1, 1, 1));
    assert!(met.never().any(|name| name == "a host crashed"));
}
