//! Programs that use this crate: each ends by itself, says what it should last, and says something else with another
//! input.

use std::process::Command;

/// The last line of a run of this example.
fn last(example: &str, arguments: &[&str]) -> String {
    let output = Command::new(crate::series::example(example)).args(arguments).output();
    let output = output.expect("an example that is built can be run");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example} {arguments:?}: {out}{err}");
    out.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_client_has_time_limits_and_is_given_up_by_dropping_it() {
    assert_eq!(last("embed_client", &[]), "657 bytes, then 0 of 2 in time");
    assert_eq!(last("embed_client", &["0.01"]), "657 bytes, then 0 of 2 in time");
}

#[test]
fn a_node_starts_and_stops_in_a_plain_tokio_program() {
    assert_eq!(last("embed_tokio", &[]), "657 and 657 bytes of science");
    assert_eq!(last("embed_tokio", &["ecstasy"]), "2738 and 2738 bytes of ecstasy");
}

#[test]
fn a_node_starts_and_stops_in_an_actix_web_program() {
    assert_eq!(last("embed_actix_web", &[]), "/poem: HTTP/1.0 200 OK, 17 lines");
    assert_eq!(last("embed_actix_web", &["/nowhere"]), "/nowhere: HTTP/1.0 404 Not Found, 0 lines");
}

#[test]
fn two_nodes_in_one_program_do_not_see_each_other() {
    let none = "0 in two, which heard 0 events and serves 657 bytes";
    assert_eq!(last("embed_two_nodes", &[]), format!("poems/science/source: 1 restarts in one, {none}"));
    assert_eq!(last("embed_two_nodes", &["poems"]), format!("poems: 1 restarts in one, {none}"));
}

#[test]
fn a_node_has_the_transforms_of_whoever_embeds_it() {
    assert_eq!(last("embed_transforms", &[]), "SCIENCE, TRUE DAUGHTER: 3 words");
    assert_eq!(last("embed_transforms", &["a poem"]), "A POEM: 2 words");
}
