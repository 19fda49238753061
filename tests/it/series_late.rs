//! The later programs of the series, and the applications of Part 16: each program ends by itself, says what it should
//! last, and says something else with another input.

mod applications;

use super::series::check;

#[test]
fn part_16_daemonologie() {
    check(
        "part16",
        &[
            ("log", "logged 1 messages and 3 errors", "4", "logged 4 messages and 3 errors"),
            (
                "services",
                "2 of 2 clients served, stopped: true, gone: true",
                "1",
                "1 of 1 clients served, stopped: true, gone: true",
            ),
            (
                "application",
                "2 poems from 2 groups, and 1 with ecstasy stopped",
                "4",
                "4 poems from 4 groups, and 3 with ecstasy stopped",
            ),
            (
                "service-maker",
                "fastpoetry serves 1 poems on 1 ports",
                "1",
                "fastpoetry serves 2 poems on 2 ports",
            ),
            ("proxy", "3 of 3 clients served, 1 fetches", "5", "5 of 5 clients served, 1 fetches"),
        ],
    );
}

#[test]
fn part_17_another_way_to_spell_callback() {
    check(
        "part17",
        &[
            ("gen-1", "done after 3", "2", "done after 2"),
            ("gen-2", "asked 4 times, the last time in vain", "2", "asked 3 times, the last time in vain"),
            ("gen-3", "by turns: 1 1 2", "3", "by turns: 1 1 1 2 2 3"),
            ("gen-4", "done: true, it caught: malfunction 10!", "2", "done: true, it caught: malfunction 2!"),
            ("inline-callbacks-1", "done: true, at 10 s", "2", "done: true, at 4 s"),
            ("inline-callbacks-2", "my callbacks returned 1", "1", "errback got: my deferred failed"),
            ("inline-callbacks-tb", "went through 1 blocks", "2", "went through 2 blocks"),
            ("client-7", "2 poems, 3 of 3 done", "2", "2 poems, 2 of 2 done"),
            ("got-poem-inside", "2 poems, 3 of 3 done", "2", "2 poems, 2 of 2 done"),
            ("poem-done-inside", "2 poems, 3 of 3 done", "2", "2 poems, 2 of 2 done"),
            (
                "interleavings",
                "3 blocks: 1680 ways to be thought of, 90 that happened",
                "2",
                "2 blocks: 20 ways to be thought of, 6 that happened",
            ),
            (
                "endless",
                "5 ticks, ended by itself: false, then by: the deferred was cancelled",
                "2",
                "2 ticks, ended by itself: false, then by: the deferred was cancelled",
            ),
        ],
    );
}

#[test]
fn part_18_deferreds_en_masse() {
    check(
        "part18",
        &[
            ("deferred-list-1", "1 empty lists, 1 fired at once", "2", "2 empty lists, 2 fired at once"),
            ("deferred-list-2", "We got: [(true, d1 result 1)]", "2", "We got: [(true, d1 result 2)]"),
            (
                "deferred-list-3",
                "We got: [(true, d1 result 1), (true, d2 result 1)]",
                "2",
                "We got: [(true, d1 result 2), (true, d2 result 2)]",
            ),
            (
                "deferred-list-4",
                "We got: [(true, d1 result 1), (true, d2 result 1)]",
                "2",
                "We got: [(true, d1 result 2), (true, d2 result 2)]",
            ),
            (
                "deferred-list-5",
                "1 failures, 1 of them reported as unhandled",
                "2",
                "2 failures, 2 of them reported as unhandled",
            ),
            (
                "deferred-list-6",
                "1 failures, 0 of them reported as unhandled",
                "2",
                "2 failures, 0 of them reported as unhandled",
            ),
            (
                "deferred-list-7",
                "1 failures, 0 of them reported as unhandled",
                "2",
                "2 failures, 0 of them reported as unhandled",
            ),
            ("client-8", "all 3 done, 2 with a poem", "2", "all 2 done, 2 with a poem"),
            (
                "fire-on-one-callback",
                "mirror 1 was first, with a poem",
                "7",
                "nobody answered: [(false, the deferred was cancelled), (false, the deferred was cancelled), (false, the deferred was cancelled)]",
            ),
            (
                "fire-on-one-errback",
                "no anthology: waiting for several deferreds: number 1 failed: torn out",
                "9",
                "an anthology: [(true, page 0), (true, page 1), (true, page 2)]",
            ),
            (
                "list-of-lists",
                "We got: [[(true, 0), (true, 1)], [(true, 2), (true, 3)]]",
                "1",
                "We got: [[(true, 0), (true, 1)]]",
            ),
            (
                "print-at-the-end",
                "3 of 3 downloads were over before anything was printed",
                "2",
                "2 of 2 downloads were over before anything was printed",
            ),
            (
                "deferred-dict",
                "ecstasy: no poem, refused; fascination: 608 bytes; science: 657 bytes",
                "1",
                "first science: 657 bytes",
            ),
        ],
    );
}

#[test]
fn part_20_wheels_within_wheels() {
    check(
        "part20",
        &[
            (
                "erlang-client",
                "3 poems from 3 processes, 0 of them crashed",
                "2",
                "2 poems from 2 processes, 0 of them crashed",
            ),
            (
                "one-down",
                "2 poems from 3 processes, 1 of them crashed",
                "2",
                "2 poems from 4 processes, 2 of them crashed",
            ),
            (
                "reset",
                "2 poems from 3 processes, 1 of them crashed",
                "3",
                "2 poems from 5 processes, 3 of them crashed",
            ),
            ("bug", "crashed: [2], poems of: [1, 3]", "1", "crashed: [1], poems of: [2, 3]"),
            ("quiet", "3 poems, and 0 lines on the way", "2", "2 poems, and 0 lines on the way"),
            (
                "times",
                "0 of 3 poems came sooner than 10 ms a piece allow",
                "1",
                "0 of 3 poems came sooner than 1 ms a piece allow",
            ),
            ("in-order", "came as [3, 2, 1], printed as [1, 2, 3]", "2", "came as [2, 1], printed as [1, 2]"),
            (
                "readable",
                "1 of 2 servers gave no poem: connection refused",
                "2",
                "2 of 3 servers gave no poem: connection refused, connection refused",
            ),
            (
                "node",
                "2 poems from 3 processes, 1 of them crashed",
                "2",
                "1 poems from 3 processes, 2 of them crashed",
            ),
        ],
    );
}

#[test]
fn part_21_lazy_is_as_lazy_does_not() {
    check(
        "part21",
        &[
            (
                "lazy",
                "number 3 is (3, 6, 9), and 9 numbers were made",
                "2",
                "number 2 is (2, 4, 6), and 6 numbers were made",
            ),
            ("client-1", "3 poems, 130 lines", "2", "2 poems, 113 lines"),
            ("client-2", "3 poems, 130 lines", "2", "2 poems, 113 lines"),
            (
                "as-they-come",
                "97 lines printed as they came, and 33 of other poems gathered meanwhile",
                "2",
                "97 lines printed as they came, and 16 of other poems gathered meanwhile",
            ),
            ("failures", "2 of 4 poems, 2 servers had none", "3", "2 of 6 poems, 4 servers had none"),
        ],
    );
}
