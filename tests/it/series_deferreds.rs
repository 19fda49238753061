//! The programs of the series that are about Deferreds: each ends by itself, says what it should last, and says
//! something else with another input.

use super::series::{check, last_line};

#[test]
fn part_07_an_interlude_deferred() {
    check(
        "part07",
        &[
            ("defer-1", "Finished, 1 lines served.", "2", "Finished, 2 lines served."),
            ("defer-2", "Finished, failure 1 handled.", "2", "Finished, failure 2 handled."),
            (
                "defer-3",
                "No poetry for you, says the error 1 inside.",
                "2",
                "No poetry for you, says the error 2 inside.",
            ),
            ("defer-4", "2 times fired, 1 times refused", "3", "3 times fired, 2 times refused"),
            ("defer-5", "2 times fired, 1 times refused", "3", "3 times fired, 2 times refused"),
            ("defer-6", "2 times fired, 1 times refused", "3", "3 times fired, 2 times refused"),
            ("defer-7", "2 times fired, 1 times refused", "3", "3 times fired, 2 times refused"),
            (
                "defer-8",
                "The callback stopped the loop, after 1 lines.",
                "2",
                "The callback stopped the loop, after 2 lines.",
            ),
            (
                "defer-9",
                "poem_done stopped the loop, after 1 lines.",
                "2",
                "poem_done stopped the loop, after 2 lines.",
            ),
            ("poem-done", "poem_done got Ok(\"This poem is short.\\n\")", "1", "poem_done got Ok(\"\")"),
            (
                "defer-8-error",
                "The errback stopped the loop, after failure 1.",
                "2",
                "The errback stopped the loop, after failure 2.",
            ),
            (
                "defer-9-error",
                "poem_done stopped the loop, after failure 1.",
                "2",
                "poem_done stopped the loop, after failure 2.",
            ),
        ],
    );
}

#[test]
fn part_09_a_second_interlude() {
    check(
        "part09",
        &[
            ("simulator", "20 lines of at most 147 characters", "1", "62 lines of at most 45 characters"),
            ("unhandled", "the handles are gone: 1 reports", "2", "the handles are gone: 2 reports"),
            ("zigzag", "at the end: a failure, stage 3 failed", "2", "at the end: a value, 2"),
            (
                "pairs",
                "when the callback fails, what is left is *oops",
                "1",
                "when the callback fails, what is left is handled",
            ),
        ],
    );
}

#[test]
fn part_10_poetry_transformed() {
    check(
        "part10",
        &[
            (
                "cummingsify",
                "once upon a midnight dreary",
                "2",
                "once upon a midnight drearyonce upon a midnight dreary",
            ),
            (
                "client-5",
                "1 in lower case, 0 as they were, 0 failed",
                "6 0",
                "0 in lower case, 0 as they were, 1 failed",
            ),
            (
                "client-5.1",
                "1 in lower case, 0 as they were, 0 failed",
                "6",
                "0 in lower case, 1 as they were, 0 failed",
            ),
            ("chain-5", "once upon a midnight dreary", "1", "The poem download failed."),
            ("chain-5.1", "once upon a midnight dreary", "2", "Once Upon A Midnight Dreary"),
            (
                "random",
                "107 in lower case, 90 as they were, 103 failed",
                "2",
                "90 in lower case, 119 as they were, 91 failed",
            ),
            ("no-server", "1 of 1 downloads failed", "2", "2 of 2 downloads failed"),
            ("firings-5", "initial > poem > None > None", "1", "initial > *GibberishError > None > None"),
            (
                "firings-5.1",
                "initial > poem > poem > None > None",
                "2",
                "initial > *CannotCummingsify > original-poem > None > None",
            ),
        ],
    );
}

#[test]
fn part_10_both_clients_show_all_three_outcomes() {
    for client in ["client-5", "client-5.1"] {
        let outcomes = ["2", "6", "1"].map(|seed| last_line("part10", client, seed));
        assert_eq!(
            outcomes,
            [
                "1 in lower case, 0 as they were, 0 failed",
                "0 in lower case, 1 as they were, 0 failed",
                "0 in lower case, 0 as they were, 1 failed",
            ]
        );
    }
}

#[test]
fn part_13_deferred_all_the_way_down() {
    check(
        "part13",
        &[
            ("defer-10", "The outer one went on, to 101", "2", "The outer one went on, to 201"),
            ("client-6", "2 poems, 0 errors, 2 by cummingsify", "0", "2 poems, 0 errors, 0 by cummingsify"),
            ("transform-by-name", "2 poems, 0 errors, 2 by shout", "title", "2 poems, 0 errors, 2 by title"),
            (
                "transform-optional",
                "2 poems, 0 errors, 0 by cummingsify",
                "1",
                "2 poems, 0 errors, 2 by cummingsify",
            ),
            (
                "make-it-fire-it",
                "3 Deferreds fired once each: 2 poems, 1 errors",
                "3",
                "4 Deferreds fired once each: 3 poems, 1 errors",
            ),
            ("defer-10-errback", "The outer one went on, to 101", "2", "The outer one went on, to 201"),
        ],
    );
}

#[test]
fn part_14_when_a_deferred_is_none() {
    check(
        "part14",
        &[
            (
                "defer-11",
                "done, after 2 callbacks that ran when they were added",
                "5",
                "done, after 5 callbacks that ran when they were added",
            ),
            ("pause", "unpaused: 2 of 2 callbacks have run", "5", "unpaused: 5 of 5 callbacks have run"),
            (
                "proxy-1",
                "3 clients got 8214 bytes: 1 fetched, 2 cached",
                "2",
                "2 clients got 5476 bytes: 1 fetched, 1 cached",
            ),
            (
                "proxy-2",
                "3 clients got 8214 bytes: 1 fetched, 2 cached",
                "1",
                "1 clients got 2738 bytes: 1 fetched, 0 cached",
            ),
            ("defer-11-errback", "handled by the errback after 2", "3", "handled by the errback after 3"),
            ("two-hours", "4 requests answered, 2 fetches", "30", "4 requests answered, 1 fetches"),
            ("one-fetch", "5 early clients, 1 fetch", "2", "2 early clients, 1 fetch"),
            (
                "transform-proxy",
                "3 requests answered, 2 asked of the transform server",
                "1",
                "1 requests answered, 1 asked of the transform server",
            ),
        ],
    );
}

#[test]
fn part_15_tested_poetry() {
    check(
        "part15",
        &[
            ("poetry-tests", "PASSED (successes=2)", "1", "PASSED (successes=1)"),
            ("failing", "test_wrong_poem passed: false", "2", "test_leaves_a_port passed: false"),
            ("other-services", "PASSED (successes=3)", "2", "PASSED (successes=2)"),
        ],
    );
}

#[test]
fn part_19_changing_ones_mind() {
    check(
        "part19",
        &[
            ("defer-cancel-1", "done: 1 reports", "2", "done: 2 reports"),
            ("defer-cancel-2", "cancelled 1 times, told 1 time", "2", "cancelled 2 times, told 1 time"),
            ("defer-cancel-3", "done: callback got: result 1", "2", "done: callback got: result 2"),
            (
                "defer-cancel-4",
                "fired 1 times after the cancel, refused 0 times, told 1 time",
                "2",
                "fired 2 times after the cancel, refused 1 times, told 1 time",
            ),
            (
                "defer-cancel-5",
                "cancelled 1 times: to cancel: <Deferred: no result>, errback got: the deferred was cancelled",
                "2",
                "cancelled 2 times: to cancel: <Deferred: no result>, errback got: the deferred was cancelled",
            ),
            ("defer-cancel-6", "done: callback got: result 1", "2", "done: callback got: result 2"),
            (
                "defer-cancel-7",
                "done: errback got: I failed 1 times",
                "2",
                "done: errback got: I failed 2 times",
            ),
            ("defer-cancel-8", "done: callback got: result 1", "2", "done: callback got: result 2"),
            (
                "defer-cancel-9",
                "done: Sending poem, callback got: Once upon a midnight dreary",
                "20",
                "done:",
            ),
            (
                "defer-cancel-10",
                "done: errback got: the deferred was cancelled, Sending poem",
                "1",
                "done: Sending poem, callback got: Once upon a midnight dreary",
            ),
            (
                "defer-cancel-11",
                "done: errback got: the deferred was cancelled",
                "1",
                "done: Sending poem, callback got: Once upon a midnight dreary",
            ),
            (
                "defer-cancel-12",
                "done: cancel callback of inner 1, errback got: the deferred was cancelled",
                "2",
                "done: cancel callback of inner 2, errback got: the deferred was cancelled",
            ),
            ("proxy-3", "2 clients left, 1 download cancelled", "3", "3 clients left, 1 download cancelled"),
            ("get-poetry", "2 of 2 downloads cancelled", "1", "1 of 1 downloads cancelled"),
            (
                "outer-inner",
                "done: cancelled inner, errback got: the deferred was cancelled",
                "150",
                "done: callback got: 120 ms",
            ),
        ],
    );
}
