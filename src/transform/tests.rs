//! What each transformation does, and how the service fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

/// The poem, transformed by a transformation that always works.
fn transformed(name: &str, poem: &str) -> String {
    let poem = Bytes::copy_from_slice(poem.as_bytes());
    let bytes =
        TransformService::default().transform(name, &poem, &mut Rng::with_seed(0)).expect("it always works");
    String::from_utf8(bytes.to_vec()).expect("text stays text")
}

/// Chance that brings `outcome` next.
fn chance_of(outcome: Outcome) -> Rng {
    (0..)
        .map(Rng::with_seed)
        .find(|chance| Outcome::draw(&mut chance.clone()) == outcome)
        .expect("every outcome has a seed")
}

fn byronified(outcome: Outcome, poem: &str) -> Result<Bytes, TransformError> {
    let poem = Bytes::copy_from_slice(poem.as_bytes());
    TransformService::default().transform("byronify", &poem, &mut chance_of(outcome))
}

/// Any text, control characters and all.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![any::<char>(), prop::char::range(' ', '~'), Just('\n')], 0..40)
        .prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn to_cummingsify_twice_changes_nothing_more(poem in text()) {
        let once = transformed("cummingsify", &poem);
        prop_assert_eq!(transformed("cummingsify", &once), once);
    }

    #[test]
    fn to_shout_twice_changes_nothing_more(poem in text()) {
        let once = transformed("shout", &poem);
        prop_assert_eq!(transformed("shout", &once), once);
    }

    #[test]
    fn a_title_of_a_title_is_itself(poem in text()) {
        let once = transformed("title", &poem);
        prop_assert_eq!(transformed("title", &once), once);
    }

    #[test]
    fn no_result_is_more_than_three_times_as_long(poem in text()) {
        for name in ["cummingsify", "shout", "reverse-lines", "rot13", "title"] {
            prop_assert!(transformed(name, &poem).len() <= 3 * poem.len(), "{}", name);
        }
    }

    #[test]
    fn rot13_twice_is_the_poem(poem in text()) {
        let once = transformed("rot13", &poem);
        prop_assert_eq!(once.len(), poem.len());
        prop_assert_eq!(transformed("rot13", &once), poem);
    }

    #[test]
    fn lines_reversed_twice_are_the_poem(poem in "([ab\r\u{e9}]{0,3}\n){0,6}") {
        prop_assert_eq!(transformed("reverse-lines", &transformed("reverse-lines", &poem)), poem);
    }

    #[test]
    fn reversed_lines_are_the_same_lines(poem in "[ab\r\n]{0,20}") {
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&transformed("reverse-lines", &poem)), sorted(&poem));
    }

    #[test]
    fn a_poem_that_is_not_text_is_a_failed_transform_and_comes_back(text in text(), rest in any::<Vec<u8>>()) {
        let poem = Bytes::from([text.as_bytes(), b"\xff", &rest].concat());
        let service = TransformService::default();
        for name in service.names() {
            let error = service.transform(name, &poem, &mut Rng::with_seed(0)).expect_err("not text");
            prop_assert_eq!(error.poem(), Some(&poem));
            let at_the_end = matches!(error, TransformError::NotText { at, .. } if at == text.len());
            prop_assert!(at_the_end, "{error}");
        }
    }
}

#[test]
fn each_style_on_a_line_of_poe() {
    let line = "Who wouldst not leave him in his wandering?\n(He'd soared)\n";
    assert_eq!(
        transformed("cummingsify", line),
        "who wouldst not leave him in his wandering?\n(he'd soared)\n"
    );
    assert_eq!(transformed("shout", line), "WHO WOULDST NOT LEAVE HIM IN HIS WANDERING?\n(HE'D SOARED)\n");
    assert_eq!(
        transformed("reverse-lines", line),
        "(He'd soared)\nWho wouldst not leave him in his wandering?\n"
    );
    assert_eq!(transformed("rot13", line), "Jub jbhyqfg abg yrnir uvz va uvf jnaqrevat?\n(Ur'q fbnerq)\n");
    assert_eq!(transformed("title", line), "Who Wouldst Not Leave Him In His Wandering?\n(He'd Soared)\n");
}

#[test]
fn the_first_of_two_capitals_begins_a_title() {
    assert_eq!(transformed("title", "ßa ΟΔΟΣ"), "Ssa Οδος");
}

#[test]
fn the_engine_that_works_points_as_byron_would() {
    let poem = "She walks in beauty,\r\nlike the night;\nof cloudless climes.\nWhy";
    let styled = byronified(Outcome::Works, poem).expect("this time it works");
    assert_eq!(styled, "She walks in beauty—\r\nlike the night—\nof cloudless climes!\nWhy");
}

#[test]
fn the_engine_fails_in_three_ways_and_each_can_be_told_apart() {
    let gibberish = byronified(Outcome::Gibberish, "a poem").expect_err("it says so");
    assert!(matches!(gibberish, TransformError::Gibberish { .. }) && gibberish.source().is_none());
    let other = byronified(Outcome::CornerCase, "a poem").expect_err("it fails");
    assert!(matches!(other, TransformError::Failed { .. }) && other.source().is_some());
    for error in [gibberish, other] {
        assert_eq!(error.poem().expect("client 5.1: the error carries the poem"), "a poem");
    }
    assert!(catch_unwind(AssertUnwindSafe(|| byronified(Outcome::Panic, "a poem"))).is_err());
}

#[test]
fn the_same_seed_brings_the_same_outcomes_and_each_comes_up() {
    let outcomes = |seed| {
        let mut chance = Rng::with_seed(seed);
        (0..100).map(|_| Outcome::draw(&mut chance)).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(7), outcomes(7));
    assert_ne!(outcomes(7), outcomes(8));
    for outcome in [Outcome::Works, Outcome::Gibberish, Outcome::CornerCase, Outcome::Panic] {
        let times = outcomes(7).iter().filter(|&&drawn| drawn == outcome).count();
        assert!((10..=40).contains(&times), "{outcome:?} came up {times} times in a hundred");
    }
}

#[test]
fn only_what_is_in_the_table_can_be_asked_for() {
    let service = TransformService::default();
    for name in ["", "transform", "Cummingsify", "cummingsify ", "__init__"] {
        let error =
            service.transform(name, &Bytes::from_static(b"x"), &mut Rng::with_seed(0)).expect_err("unknown");
        assert!(matches!(error, TransformError::Unknown { .. }) && error.poem().is_none(), "{name:?}");
    }
    let names: Vec<&str> = service.names().collect();
    assert_eq!(names, ["byronify", "cummingsify", "reverse-lines", "rot13", "shout", "title"]);
    assert!(names.iter().all(|name| service.about(name).is_some()));
}

#[test]
fn an_embedding_program_adds_its_own_and_its_errors_keep_their_cause() {
    let mut service = TransformService::empty();
    service
        .register("number", "a number, doubled", |poem, _| Ok((poem.trim().parse::<u32>()? * 2).to_string()))
        .unwrap();
    let double = |poem: &'static str| {
        service.transform("number", &Bytes::from_static(poem.as_bytes()), &mut Rng::with_seed(0))
    };
    assert_eq!(double("21\n").unwrap(), "42");
    let error = double("forty").expect_err("no number");
    assert!(error.source().expect("a cause").is::<std::num::ParseIntError>());
}

#[test]
fn a_name_that_is_taken_or_could_not_be_asked_for_is_refused() {
    let mut service = TransformService::default();
    let mut register = |name: &str| service.register(name, "", |_, _| Err(Fault::Gibberish));
    assert!(matches!(register("rot13"), Err(TransformError::Taken { .. })));
    for bad in ["", "two words", "with.dot", "Upper", &"a".repeat(NAME_LIMIT + 1)] {
        assert!(matches!(register(bad), Err(TransformError::BadName { .. })), "{bad:?}");
    }
    assert!(register(&"a".repeat(NAME_LIMIT)).is_ok());
}

#[test]
fn an_error_is_shown_without_the_poem() {
    let error = byronified(Outcome::CornerCase, "NOBODY WANTS THIS IN A LOG").expect_err("it fails");
    assert!(!format!("{error} {error:?}").contains("NOBODY"));
}
