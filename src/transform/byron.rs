//! The Byronification Engine (Parts 9 and 10): faulty on purpose.
//!
//! Besides the one error it documents it has others that nobody foresaw. The series uses such an engine to show
//! where each kind of error goes on its way through the callbacks; here it shows what becomes of it under
//! supervision.

use fastrand::Rng;
use thiserror::Error;

use super::Fault;

/// What becomes of one attempt to byronify. All four are equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The poem in Byron's style.
    Works,
    /// The documented error: this is no poem.
    Gibberish,
    /// An error nobody documented (the `ValueError` of client 5.0).
    CornerCase,
    /// A panic.
    Panic,
}

impl Outcome {
    /// The outcome that chance brings. Takes exactly one number from `chance`, so that a test can look ahead
    /// with a clone of it.
    #[must_use]
    pub fn draw(chance: &mut Rng) -> Self {
        match chance.u8(0..4) {
            0 => Self::Works,
            1 => Self::Gibberish,
            2 => Self::CornerCase,
            _ => Self::Panic,
        }
    }
}

#[derive(Debug, Error)]
#[error("the engine hit a corner case that the professor forgot to handle")]
struct CornerCase;

/// The poem in Byron's style, or one of the three ways in which the engine fails.
pub(super) fn byronify(poem: &str, chance: &mut Rng) -> Result<String, Fault> {
    match Outcome::draw(chance) {
        Outcome::Works => Ok(in_his_style(poem)),
        Outcome::Gibberish => Err(Fault::Gibberish),
        Outcome::CornerCase => Err(CornerCase.into()),
        Outcome::Panic => panic!("the Byronification Engine is on fire"),
    }
}

/// Byron's pointing, as far as a program can have it: at the end of a line a dash where others put a comma, a
/// semicolon or a colon, and an exclamation mark where they put a full stop.
fn in_his_style(poem: &str) -> String {
    let mut styled = String::with_capacity(poem.len());
    for line in poem.split_inclusive('\n') {
        let (words, end) = line.split_at(line.trim_end_matches(['\n', '\r']).len());
        let cut = &words[..words.len().saturating_sub(1)];
        match words.as_bytes().last() {
            Some(b',' | b';' | b':') => styled.extend([cut, "—", end]),
            Some(b'.') => styled.extend([cut, "!", end]),
            _ => styled.push_str(line),
        }
    }
    styled
}
