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
