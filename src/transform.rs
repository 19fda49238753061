//! Transformations of poems: functions behind a service value that knows no protocol (Part 12).
//!
//! The service is what the netstring protocol, the line protocol and a client's own engine (`--transform
//! local`) share; none of them can call anything that is not in its table (the reason for the `xform_` prefix
//! of Part 12). Each of its functions is a plain function of the poem and, if it is to be faulty, of chance
//! that is passed in. It runs in the caller's process and may panic there: whoever calls it owns the deadline
//! and the process that may die of it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use thiserror::Error;

mod byron;
mod styles;

pub use byron::Outcome;

/// How long the name of a transformation may be, in bytes: what the protocols let through.
pub const NAME_LIMIT: usize = 64;

/// Why a poem was not transformed.
///
/// Those that had a poem carry it, so that the one who handles the error can go on with the original (client
/// 5.1 of Part 10).
#[derive(Error)]
#[non_exhaustive]
pub enum TransformError {
    /// There is no transformation of that name.
    #[error("no transformation is called {name:?}")]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// Transformations are for text, and the poem is not UTF-8.
    #[error("cannot {name} a poem that is not text: byte {at} is not UTF-8")]
    NotText {
        /// The transformation.
        name: String,
        /// Where the text ends.
        at: usize,
        /// The poem as it was.
        poem: Bytes,
    },
    /// The transformation says that this is no poem (`GibberishError` of Part 9).
    #[error("cannot {name}: this is gibberish, not a poem")]
    Gibberish {
        /// The transformation.
        name: String,
        /// The poem as it was.
        poem: Bytes,
    },
    /// The transformation failed in another way (`CannotCummingsify` of Part 10).
    #[error("cannot {name}")]
    Failed {
        /// The transformation.
        name: String,
        /// The poem as it was.
        poem: Bytes,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A name under which nobody could ask for a transformation.
    #[error("bad name {name:?}: 1 to {NAME_LIMIT} lower-case letters, digits and hyphens are allowed")]
    BadName {
        /// The name.
        name: String,
    },
    /// A name that another transformation has.
    #[error("there is already a transformation called {name:?}")]
    Taken {
        /// The name.
        name: String,
    },
}

impl TransformError {
    /// The poem as it was before the transformation that failed.
    #[must_use]
    pub fn poem(&self) -> Option<&Bytes> {
        match self {
            Self::NotText { poem, .. } | Self::Gibberish { poem, .. } | Self::Failed { poem, .. } => {
                Some(poem)
            }
            Self::Unknown { .. } | Self::BadName { .. } | Self::Taken { .. } => None,
        }
    }
}

/// As [`Display`](fmt::Display), so that a log line or a failed test does not hold a whole poem.
impl fmt::Debug for TransformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.source().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

/// How the function of a transformation fails.
///
/// Every error turns into [`Fault::Failed`] by `?`.
#[derive(Debug)]
pub enum Fault {
    /// This is no poem.
    Gibberish,
    /// Anything else.
    Failed(Box<dyn Error + Send + Sync>),
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A transformation that always works and needs no chance.
type Style = fn(&str) -> String;

type Function = dyn Fn(&str, &mut Rng) -> Result<String, Fault> + Send + Sync;

#[derive(Clone)]
struct Entry {
    about: &'static str,
    function: Arc<Function>,
}

/// The table of transformations. Cloning one is cheap; a clone is a table of its own.
///
/// ```
/// use verse::transform::TransformService;
///
/// let mut service = TransformService::default();
/// service.register("whisper", "each line in brackets", |poem, _| {
///     Ok(poem.lines().map(|line| format!("({line})\n")).collect())
/// })?;
/// let mut chance = fastrand::Rng::with_seed(1);
/// let poem = "HERE IS MY POEM\n".into();
/// assert_eq!(service.transform("whisper", &poem, &mut chance)?, "(HERE IS MY POEM)\n");
/// assert_eq!(service.transform("cummingsify", &poem, &mut chance)?, "here is my poem\n");
/// # Ok::<(), verse::transform::TransformError>(())
/// ```
#[derive(Clone)]
pub struct TransformService {
    table: BTreeMap<String, Entry>,
}

impl Default for TransformService {
    /// The service with all the transformations of this crate.
    fn default() -> Self {
        let mut service = Self::empty();
        let plain: [(&str, &'static str, Style); 5] = [
            ("cummingsify", "all in lower case, as e. e. cummings would", styles::cummingsify),
            ("shout", "all in upper case", styles::shout),
            ("reverse-lines", "the last line first", styles::reverse_lines),
            ("rot13", "each letter thirteen further", styles::rot13),
            ("title", "Each Word With A Capital", styles::title),
        ];
        for (name, about, style) in plain {
            service.insert(name, about, Arc::new(move |poem, _| Ok(style(poem))));
        }
        service.insert("byronify", "as Lord Byron would, when it works", Arc::new(byron::byronify));
        service
    }
}

impl TransformService {
    /// A service without any transformation, for a program that wants only its own.
    #[must_use]
    pub fn empty() -> Self {
        Self { table: BTreeMap::new() }
    }

    /// Adds a transformation. `function` gets the poem and the chance that is passed to
    /// [`transform`](Self::transform); `about` describes it in a few words.
    ///
    /// # Errors
    ///
    /// [`TransformError::BadName`] or [`TransformError::Taken`].
    pub fn register<F>(&mut self, name: &str, about: &'static str, function: F) -> Result<(), TransformError>
    where
        F: Fn(&str, &mut Rng) -> Result<String, Fault> + Send + Sync + 'static,
    {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(allowed) {
            return Err(TransformError::BadName { name: name.to_owned() });
        }
        if self.table.contains_key(name) {
            return Err(TransformError::Taken { name: name.to_owned() });
        }
        self.insert(name, about, Arc::new(function));
        Ok(())
    }

    fn insert(&mut self, name: &str, about: &'static str, function: Arc<Function>) {
        self.table.insert(name.to_owned(), Entry { about, function });
    }

    /// The names of its transformations, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// What the transformation `name` does, in a few words.
    #[must_use]
    pub fn about(&self, name: &str) -> Option<&'static str> {
        self.table.get(name).map(|entry| entry.about)
    }

    /// `poem`, transformed. The result may be up to three times as long (`shout` of some Greek letters) or, for a
    /// registered transformation, of any length: a frame's limit is for the protocol to look after.
    ///
    /// # Errors
    ///
    /// An unknown name, a poem that is not UTF-8, or what the transformation itself says.
    ///
    /// # Panics
    ///
    /// If the transformation does: `byronify` does so about one time in four.
    pub fn transform(&self, name: &str, poem: &Bytes, chance: &mut Rng) -> Result<Bytes, TransformError> {
        let Some(entry) = self.table.get(name) else {
            return Err(TransformError::Unknown { name: name.to_owned() });
        };
        let name = || name.to_owned();
        let text = std::str::from_utf8(poem).map_err(|error| TransformError::NotText {
            name: name(),
            at: error.valid_up_to(),
            poem: poem.clone(),
        })?;
        match (entry.function)(text, chance) {
            Ok(transformed) => Ok(Bytes::from(transformed)),
            Err(Fault::Gibberish) => Err(TransformError::Gibberish { name: name(), poem: poem.clone() }),
            Err(Fault::Failed(source)) => {
                Err(TransformError::Failed { name: name(), poem: poem.clone(), source })
            }
        }
    }
}

impl fmt::Debug for TransformService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests;
