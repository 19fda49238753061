//! Which rules of the conformance list a case reaches: each verified rule of sections B to O that applies, as a question
//! to the trace of the real OTP.

mod requests;
mod restarts;
mod starts;
mod stops;
mod story;

pub(crate) use story::Story;

/// A rule, and how often a story comes to it.
pub(crate) type Rule = (u32, fn(&Story<'_>) -> usize);

/// All rules, in the order of their numbers.
pub(crate) fn all() -> impl Iterator<Item = Rule> {
    [starts::RULES, requests::RULES, restarts::RULES, stops::RULES].into_iter().flatten().copied()
}

/// The rules of these sections that no trace is asked for, and why.
pub(crate) const NOT_ASKED: &[(u32, &str)] = &[
    (17, "does not apply"),
    (18, "does not apply"),
    (23, "not verified on a real OTP"),
    (35, "does not apply"),
    (66, "not verified on a real OTP"),
    (67, "not verified on a real OTP"),
    (81, "not verified on a real OTP"),
    (84, "not verified on a real OTP"),
    (125, "not verified on a real OTP"),
    (130, "not verified on a real OTP"),
    (135, "does not apply"),
    (138, "not verified on a real OTP"),
    (139, "not verified on a real OTP"),
    (140, "not verified on a real OTP"),
    (141, "does not apply"),
    (146, "not verified on a real OTP"),
];
