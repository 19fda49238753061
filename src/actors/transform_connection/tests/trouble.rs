//! Requests that are not answered: an orderly end and one event, whatever is wrong.

use super::*;

/// What is sent before the client half-closes, and the one event that comes of it. No answer ever does.
const TROUBLES: [(&[u8], &str); 17] = [
    (b"5:shout,", "PEER sent nonsense at byte 7: no dot ends the name"),
    (b"2:.X,", "PEER sent nonsense at byte 2: no name"),
    (b"5:a b.X,", "PEER sent nonsense at byte 3: byte 0x20 in a name"),
    (b"GET / HTTP/1.0\r\n\r\n", "PEER sent nonsense at byte 0: 'G' where a digit of a length was due"),
    (b":shout.a,", "PEER sent nonsense at byte 0: a length without digits"),
    (b"07:shout.a,", "PEER sent nonsense at byte 1: a length with a leading zero"),
    (b"7:shout.a;", "PEER sent nonsense at byte 9: ';' where the comma of a netstring was due"),
    (b"7:shout.", "PEER sent nonsense at byte 8: the stream ended in mid frame"),
    (b"12", "PEER sent nonsense at byte 2: the stream ended in mid frame"),
    (b"101:", "PEER sent nonsense at byte 2: more than 100 bytes"),
    (b"99999999999999999999999:", "PEER sent nonsense at byte 2: more than 100 bytes"),
    (b"6:none.X,", "none failed for PEER: no transformation is called \"none\""),
    (b"7:shout.\xff,", "shout failed for PEER: cannot shout a poem that is not text: byte 0 is not UTF-8"),
    (b"8:refuse.X,", "refuse failed for PEER: cannot refuse: not today"),
    (b"9:explode.X,", "explode failed for PEER: its process panicked: on fire"),
    (b"7:never.X,", "never failed for PEER: not done within 50ms"),
    (
        b"67:double.123456789 123456789 123456789 123456789 123456789 123456789 ,",
        "double failed for PEER: the poem became 120 bytes long; 100 is the limit",
    ),
];

fn strict(requests: u32) -> Options {
    let mut options = kept(requests);
    options.exchange.longest = 100;
    options.workers.deadline = Duration::from_millis(50);
    options
}

#[test]
fn whatever_is_wrong_there_is_no_answer_an_orderly_end_and_one_event() {
    for requests in [1, 1000] {
        run(strict(requests), async |mut world| {
            for (sent, told) in TROUBLES {
                let mut client = say_all(world.netstrings, sent).await;
                assert_eq!(heard(&mut client).await, "", "{told}");
                assert_eq!(world.troubles(), [told]);
            }
            assert_eq!(
                heard(&mut say(world.netstrings, "2000:").await).await,
                "",
                "nobody waits for the rest"
            );
        });
    }
}

#[test]
fn what_was_answered_before_the_trouble_stays_answered_and_what_comes_after_is_not() {
    run(strict(1000), async |mut world| {
        let sent = "7:shout.a,9:explode.X,7:shout.b,";
        assert_eq!(heard(&mut say(world.netstrings, sent).await).await, "1:A,");
        assert_eq!(world.troubles(), ["explode failed for PEER: its process panicked: on fire"]);
        let sent = "7:shout.a,5:shout,7:shout.b,";
        assert_eq!(heard(&mut say(world.netstrings, sent).await).await, "1:A,");
        assert_eq!(world.troubles(), ["PEER sent nonsense at byte 17: no dot ends the name"]);
    });
}

#[test]
fn a_client_that_leaves_without_a_word_is_no_trouble() {
    run(strict(1), async |mut world| {
        let mut client = say_all(world.netstrings, "").await;
        assert_eq!(heard(&mut client).await, "");
        assert_eq!(world.troubles(), [""; 0]);
    });
}

#[test]
fn trouble_of_one_client_is_not_noticed_by_another() {
    run(strict(1), async |mut world| {
        let mut quiet = say(world.netstrings, "13:cumm").await;
        for (sent, _) in TROUBLES {
            let mut client = say_all(world.netstrings, sent).await;
            assert_eq!(heard(&mut client).await, "");
        }
        quiet.write_all(b"ingsify.X,").await.unwrap();
        assert_eq!(heard(&mut quiet).await, "1:x,");
        assert_eq!(world.troubles().len(), TROUBLES.len());
    });
}

#[test]
fn the_second_protocol_says_what_is_wrong_and_goes_on_if_it_may() {
    run(strict(1000), async |mut world| {
        let sent = "none 1\nXshout 1\naexplode 1\nXrefuse 0\nnever 0\nshout 1\nb";
        let mut client = say_all(world.lines, sent).await;
        let lines = [
            "ERR no transformation is called \"none\"",
            "OK 1",
            "AERR its process panicked: on fire",
            "ERR cannot refuse: not today",
            "ERR not done within 50ms",
            "OK 1",
            "B",
        ];
        assert_eq!(heard(&mut client).await, lines.join("\n"));
        assert_eq!(world.troubles().len(), 4);
    });
}

#[test]
fn the_second_protocol_says_what_is_malformed_and_ends() {
    run(strict(1000), async |mut world| {
        for (sent, said) in [
            ("shout 101\nnever read", "more than 100 bytes"),
            ("shout\n", "a length without digits"),
            ("shout one\nX", "'o' where a digit of a length was due"),
            (" 1\nX", "no name"),
            ("shout 3\nX", "the stream ended in mid frame"),
        ] {
            let mut client = say_all(world.lines, sent).await;
            assert_eq!(heard(&mut client).await, format!("ERR {said}\n"));
            let told = world.troubles();
            assert!(told.len() == 1 && told[0].ends_with(&format!(": {said}")), "{told:?}");
        }
    });
}
