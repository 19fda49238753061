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
