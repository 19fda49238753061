//! Requests that are answered.

use super::*;

#[test]
fn netcat_gets_its_answer_and_the_end_of_the_connection() {
    run(Options::default(), async |mut world| {
        assert_eq!(heard(&mut say(world.netstrings, "13:cummingsify.X,").await).await, "1:x,");
        // The dot that ends the name is the first; an empty poem is one.
        assert_eq!(heard(&mut say(world.netstrings, "11:shout.a.b.c,").await).await, "5:A.B.C,");
        assert_eq!(heard(&mut say(world.netstrings, "6:shout.,").await).await, "0:,");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn half_close_is_not_leaving() {
    run(Options::default(), async |mut world| {
        let (mut client, connection) = world.waiting().await;
        client.shutdown().await.unwrap();
        // Another client is served meanwhile: whoever reads ends of streams has had its turn.
        assert_eq!(heard(&mut say(world.netstrings, "7:shout.a,").await).await, "1:A,");
        assert!(connection.is_alive());
        world.gate.send_replace(true);
        assert_eq!(heard(&mut client).await, "4:poem,");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn a_request_that_comes_in_pieces_is_a_request() {
    run(Options::default(), async |world| {
        let mut client = say(world.netstrings, "").await;
        client.set_nodelay(true).unwrap();
        for byte in "13:cummingsify.X,".bytes() {
            client.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(heard(&mut client).await, "1:x,");
    });
}

#[test]
fn without_keep_alive_only_the_first_request_is_answered() {
    run(Options::default(), async |mut world| {
        let mut client = say(world.netstrings, "7:shout.a,7:shout.b,").await;
        assert_eq!(heard(&mut client).await, "1:A,");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn pipelined_requests_are_answered_in_the_order_in_which_they_came() {
    run(kept(1000), async |mut world| {
        let mut client = say(world.netstrings, "6:wait.a,7:shout.b,7:rot13.c,").await;
        world.until(|world| world.workers.busy() == 1).await;
        // The first one waits: the others do not overtake it.
        assert_eq!(heard(&mut say_all(world.lines, "shout 1\nz").await).await, "OK 1\nZ");
        world.gate.send_replace(true);
        let mut answers = [0; 12];
        client.read_exact(&mut answers).await.unwrap();
        assert_eq!(&answers, b"1:a,1:B,1:p,");
        // It is kept, until its client ends.
        client.write_all(b"7:shout.d,").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(heard(&mut client).await, "1:D,");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn a_kept_connection_is_closed_after_as_many_requests_as_it_may_send() {
    run(kept(3), async |mut world| {
        let mut client = say(world.netstrings, "7:shout.a,".repeat(5)).await;
        assert_eq!(heard(&mut client).await, "1:A,1:A,1:A,");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn a_long_poem_comes_back_to_the_last_byte_also_past_the_first_wait() {
    let mut options = Options::default();
    options.exchange.longest = 8 << 20;
    run(options, async |world| {
        let poem = "a line of verse\n".repeat(300_000);
        let request = request("shout", &poem);
        let (read, mut write) = say(world.netstrings, "").await.into_split();
        let (wrote, answer) = tokio::join!(write.write_all(&request), async {
            let (mut read, mut answer) = (read, Vec::new());
            read.read_to_end(&mut answer).await.unwrap();
            answer
        });
        wrote.unwrap();
        assert!(answer == crate::wire::netstring::encode(poem.to_uppercase().as_bytes()));
    });
}

#[test]
fn the_second_protocol_has_the_same_transforms_behind_a_line() {
    run(Options::default(), async |mut world| {
        let mut client = say(world.lines, "reverse-lines 8\none\ntwo\n").await;
        assert_eq!(heard(&mut client).await, "OK 8\ntwo\none\n");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn many_clients_at_once_with_few_workers_each_get_their_own_answer() {
    let workers = WorkerOptions { most: 3, ..WorkerOptions::default() };
    run(Options { workers, ..Options::default() }, async |mut world| {
        let mut clients = Vec::new();
        for number in 0..200 {
            clients.push(say(world.netstrings, request("shout", &format!("poem {number}"))).await);
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let answer = format!("POEM {number}");
            assert_eq!(heard(client).await, format!("{}:{answer},", answer.len()));
        }
        assert_eq!(world.troubles(), [""; 0]);
    });
}
