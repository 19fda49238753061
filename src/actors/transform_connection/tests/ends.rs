//! The ends of processes: of a connection, of a worker, and of all of them in a drain.

use super::*;

/// Ends one of two connections that wait for their answers by `end`: one reset, one answer.
fn one_of_two(end: impl Fn(&Process)) {
    run(Options::default(), async |mut world| {
        let (mut unlucky, process) = world.waiting().await;
        let (mut other, _) = world.waiting().await;
        end(&process);
        let (answer, ended) = hear(&mut unlucky).await;
        assert_eq!(answer, "");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        world.until(|world| world.workers.busy() == 1).await;
        assert_eq!(
            heard(&mut say(world.netstrings, "7:shout.a,").await).await,
            "1:A,",
            "the service goes on"
        );
        world.gate.send_replace(true);
        assert_eq!(heard(&mut other).await, "4:poem,", "the other never noticed");
        let troubles = world.troubles();
        let reset = format!("transform reset the connection of {}: its process ended", peer(&unlucky));
        assert_eq!(troubles, [reset]);
    });
}

fn peer(client: &TcpStream) -> SocketAddr {
    client.local_addr().unwrap()
}

#[test]
fn a_crashed_connection_is_reset_so_that_its_client_can_tell_and_no_other_notices() {
    one_of_two(|process| process.crash("as asked"));
}

#[test]
fn a_killed_connection_is_reset_so_that_its_client_can_tell_and_no_other_notices() {
    one_of_two(Process::kill);
}

/// Ends one of two workers by `end`: its client gets an orderly end.
fn one_worker_of_two(told: &str, end: impl Fn(&Process)) {
    run(Options::default(), async |mut world| {
        let (mut unlucky, connection) = world.waiting().await;
        let worker = world.under("workers").remove(0);
        let (mut other, _) = world.waiting().await;
        end(&worker);
        assert_eq!(heard(&mut unlucky).await, "");
        drop(unlucky);
        assert!(connection.exited().await.is_clean(), "a connection does not die of its worker");
        world.gate.send_replace(true);
        assert_eq!(heard(&mut other).await, "4:poem,");
        assert_eq!(world.troubles(), [format!("wait failed for PEER: {told}")]);
    });
}

#[test]
fn a_crashed_worker_ends_one_connection_in_order() {
    one_worker_of_two("its process panicked: as asked", |process| process.crash("as asked"));
}

#[test]
fn a_killed_worker_ends_one_connection_in_order() {
    one_worker_of_two("its process ended: killed", Process::kill);
}

#[test]
fn the_listening_socket_outlives_its_listener() {
    run(Options::default(), async |mut world| {
        let (mut client, _) = world.waiting().await;
        let listener = world.branch.tree().find("listener").and_then(|found| found.process.clone()).unwrap();
        listener.crash("as asked");
        let mut in_the_backlog = say(world.netstrings, "7:shout.a,").await;
        assert_eq!(heard(&mut in_the_backlog).await, "1:A,");
        world.gate.send_replace(true);
        assert_eq!(heard(&mut client).await, "4:poem,", "rest_for_one spares what came before it");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn a_stop_answers_what_was_asked_and_closes_what_is_idle() {
    run(kept(1000), async |mut world| {
        let mut idle = say(world.netstrings, "7:shout.a,").await;
        let mut answer = [0; 4];
        idle.read_exact(&mut answer).await.unwrap();
        let mut silent = say(world.netstrings, "").await;
        world.until(|world| world.under("connections").len() == 2).await;
        let (mut asking, _) = world.waiting().await;
        asking.write_all(b"7:shout.a,").await.unwrap();
        let stopping = tokio::spawn({
            let branch = world.branch.clone();
            async move { branch.terminate_child("connections").await }
        });
        assert_eq!(heard(&mut idle).await, "");
        assert_eq!(heard(&mut silent).await, "");
        drop((idle, silent));
        world.until(|world| world.under("connections").len() == 1).await;
        world.gate.send_replace(true);
        assert_eq!(heard(&mut asking).await, "4:poem,", "the request it had begun, and no other");
        drop(asking);
        stopping.await.unwrap().unwrap();
        assert_eq!(world.troubles(), [""; 0]);
    });
}
