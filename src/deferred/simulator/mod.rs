//! The deferred simulator of Part 9: what fires when, for any chain of pairs, drawn.
//!
//! Pure: [`Pair::parse`] reads a line, [`Simulation::of`] runs the chain on real [`Deferred`]s, [`wide`], [`narrow`] and [`svg()`]
//! draw it. Asking a human for lines is the command line's business.

mod svg;
mod text;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::{Deferred, Failure};

pub use svg::svg;
pub use text::{narrow, wide};

/// What the chain is fired with.
pub const INITIAL: &str = "initial";
/// Pairs at most. Twisted knows no limit; a drawing that nobody can look at needs one.
pub const MAX_PAIRS: usize = 1000;
/// Characters in a value at most, for the same reason.
pub const MAX_VALUE: usize = 200;

/// What one callback or errback does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Returns a value: it succeeds.
    Return(String),
    /// Raises an error: it fails.
    Fail(String),
    /// Returns what it was given.
    Passthru,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Return(value) => write!(f, "return {value}"),
            Self::Fail(value) => write!(f, "fail {value}"),
            Self::Passthru => write!(f, "passthru"),
        }
    }
}

/// A stage of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The callback's side.
    pub callback: Action,
    /// The errback's side.
    pub errback: Action,
}

/// Why a line is no pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// A word that is none of the actions.
    Unknown(String),
    /// `return` or `fail` without a value.
    NoValue(String),
    /// Only one action, or none.
    Missing,
    /// Something after the second action.
    TooMuch(String),
    /// A value longer than [`MAX_VALUE`].
    TooLong,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "no such action: {word} (r VALUE, f VALUE or p)"),
            Self::NoValue(word) => write!(f, "{word} needs a value"),
            Self::Missing => write!(f, "a pair is a callback and an errback, each r VALUE, f VALUE or p"),
            Self::TooMuch(word) => write!(f, "more than a pair: {word}"),
            Self::TooLong => write!(f, "a value of more than {MAX_VALUE} characters"),
        }
    }
}

impl Error for BadLine {}

impl Pair {
    /// Reads `r VALUE`, `f VALUE` or `p` (or `return`, `fail`, `passthru`), twice. A value is one word.
    ///
    /// # Errors
    /// [`BadLine`], the first thing that is wrong.
    pub fn parse(line: &str) -> Result<Self, BadLine> {
        let mut words = line.split_whitespace();
        let callback = action(&mut words)?;
        let errback = action(&mut words)?;
        match words.next() {
            Some(word) => Err(BadLine::TooMuch(word.to_owned())),
            None => Ok(Self { callback, errback }),
        }
    }
}

fn action<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Action, BadLine> {
    let word = words.next().ok_or(BadLine::Missing)?;
    let mut value = || match words.next() {
        None => Err(BadLine::NoValue(word.to_owned())),
        Some(value) if value.chars().count() > MAX_VALUE => Err(BadLine::TooLong),
        Some(value) => Ok(value.to_owned()),
    };
    match word {
        "r" | "return" => Ok(Action::Return(value()?)),
        "f" | "fail" => Ok(Action::Fail(value()?)),
        "p" | "passthru" => Ok(Action::Passthru),
        other => Err(BadLine::Unknown(other.to_owned())),
    }
}

/// A line of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The line of callbacks, left.
    Callback,
    /// The line of errbacks, right.
    Errback,
}

/// A result on its way: a value, or, if `failed`, an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The value or the error.
    pub what: String,
    /// Whether it is an error.
    pub failed: bool,
}

impl Moving {
    /// The line it travels on.
    #[must_use]
    pub fn side(&self) -> Side {
        if self.failed { Side::Errback } else { Side::Callback }
    }
}

impl fmt::Display for Moving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.failed { "*" } else { "" }, self.what)
    }
}

/// What came into each stage, one after the other, and what came out of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// One more than there are stages.
    pub moves: Vec<Moving>,
}

/// A chain, and what happens when it is fired either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// The stages.
    pub pairs: Vec<Pair>,
    /// `callback(initial)`.
    pub callback: Firing,
    /// `errback(initial)`.
    pub errback: Firing,
}

/// The error of a simulated failure.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for Raised {}

impl Simulation {
    /// Runs the chain both ways.
    #[must_use]
    pub fn of(pairs: Vec<Pair>) -> Self {
        let callback = fire(&pairs, Ok(INITIAL.to_owned()));
        let errback = fire(&pairs, Err(Failure::new(Raised(INITIAL.to_owned()))));
        Self { pairs, callback, errback }
    }
}

type Given = Result<String, Failure>;

fn fire(pairs: &[Pair], initial: Given) -> Firing {
    let moves = Rc::new(RefCell::new(Vec::new()));
    let deferred = Deferred::<String>::new();
    for pair in pairs {
        let (log, log_failed) = (Rc::clone(&moves), Rc::clone(&moves));
        let Pair { callback, errback } = pair.clone();
        deferred.add_callbacks(
            move |value| act(&callback, note(&log, Ok(value))),
            move |failure| act(&errback, note(&log_failed, Err(failure))),
        );
    }
    let last = Rc::clone(&moves);
    // What is left is looked at here and counts as handled: the drawing says that nobody did.
    deferred
        .add_both(move |result| note(&last, result).or_else(|failure| Ok::<_, Failure>(failure.to_string())));
    // Made here and fired once.
    let _fired = deferred.fire(initial);
    drop(deferred);
    Firing { moves: moves.take() }
}

fn note(moves: &RefCell<Vec<Moving>>, result: Given) -> Given {
    let (what, failed) = match &result {
        Ok(value) => (value.clone(), false),
        Err(failure) => (failure.to_string(), true),
    };
    moves.borrow_mut().push(Moving { what, failed });
    result
}

fn act(action: &Action, given: Given) -> Given {
    match action {
        Action::Return(value) => Ok(value.clone()),
        Action::Fail(value) => Err(Failure::new(Raised(value.clone()))),
        Action::Passthru => given,
    }
}
