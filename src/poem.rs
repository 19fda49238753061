//! Poems: the only reader of `poetry/`.
//!
//! A poem is data: bytes that nobody changes, shared by reference count with every connection that sends them.
//! It need not be text; only a transform asks for that.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

/// How many bytes a poem read from a file may have unless told otherwise: 64 MiB, which is also what a client
/// of ours receives at most; a poem nobody could get is refused at the start.
pub const DEFAULT_LIMIT: usize = 64 << 20;

/// How long a title may be, in bytes: it names a branch of the tree, a row of the dashboard and a label of
/// metrics.
pub const TITLE_LIMIT: usize = 64;

/// Why there is no poem.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoemError {
    /// Nothing is there.
    #[error("cannot read poem {}: no such file", .0.display())]
    NotFound(PathBuf),
    /// A directory is there.
    #[error("cannot read poem {}: it is a directory", .0.display())]
    Directory(PathBuf),
    /// Neither a file nor a directory: a pipe or device, which may have no end or never begin.
    #[error("cannot read poem {}: it is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// It has no bytes. The raw protocol cannot tell an empty poem from a server that died (Part 2).
    #[error("poem {0} is empty")]
    Empty(String),
    /// It has more bytes than allowed.
    #[error("cannot read poem {}: it has more than {limit} bytes", path.display())]
    TooLong {
        /// Where it is.
        path: PathBuf,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// The system refused.
    #[error("cannot read poem {}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A title that is empty, too long, or has control characters in it.
    #[error("bad title {0:?}: 1 to {TITLE_LIMIT} bytes without control characters are allowed")]
    BadTitle(String),
}

/// A poem. Cloning one copies no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Poem {
    title: Title,
    origin: Arc<str>,
    bytes: Bytes,
}

impl Poem {
    /// The poem `bytes`; `origin` says in a few words where they are from, as `Serving ... on ...` shows it.
    ///
    /// # Errors
    ///
    /// [`PoemError::Empty`] if there are no bytes.
    pub fn new(
        title: Title,
        origin: impl Into<Arc<str>>,
        bytes: impl Into<Bytes>,
    ) -> Result<Self, PoemError> {
        let (origin, bytes) = (origin.into(), bytes.into());
        if bytes.is_empty() {
            return Err(PoemError::Empty(origin.to_string()));
        }
        Ok(Self { title, origin, bytes })
    }

    /// The poem in the file at `path`, of at most `limit` bytes ([`DEFAULT_LIMIT`] by default), titled after
    /// the file. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// No such file, a directory, no regular file, an empty file, one with more bytes than `limit`, or one that
    /// cannot be read. Each names `path`.
    pub fn read(path: &Path, limit: usize) -> Result<Self, PoemError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => PoemError::NotFound(path.to_owned()),
            _ => PoemError::Unreadable { path: path.to_owned(), source },
        };
        // Asked before it is opened: to open a pipe that nobody writes to would wait for ever.
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(PoemError::Directory(path.to_owned()));
        }
        if !metadata.is_file() {
            return Err(PoemError::NotAFile(path.to_owned()));
        }
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there are too many, whatever size was reported or how it grows.
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        if metadata.len() < most {
            File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
        }
        if metadata.len() >= most || bytes.len() > limit {
            return Err(PoemError::TooLong { path: path.to_owned(), limit });
        }
        Self::new(Title::of_file(path), path.display().to_string(), bytes)
    }

    /// What it is called: `ecstasy`.
    #[must_use]
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// Where it is from, as it was given: `poetry/ecstasy.txt`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The poem itself; never empty.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for Poem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poem({:?}, {} bytes)", &*self.title.0, self.bytes.len())
    }
}

/// What a poem is called: 1 to [`TITLE_LIMIT`] bytes of text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Title(Arc<str>);

impl Title {
    /// The title `text`.
    ///
    /// # Errors
    ///
    /// [`PoemError::BadTitle`].
    pub fn new(text: &str) -> Result<Self, PoemError> {
        if text.is_empty() || text.len() > TITLE_LIMIT || text.contains(char::is_control) {
            return Err(PoemError::BadTitle(text.to_owned()));
        }
        Ok(Self(Arc::from(text)))
    }

    /// The title of a poem that is known by its file: the file's name without its extension, with what a title
    /// cannot hold replaced or cut off.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut title: String = stem.chars().map(|c| if c.is_control() { '-' } else { c }).collect();
        title.truncate(title.floor_char_boundary(TITLE_LIMIT));
        if title.is_empty() { Self(Arc::from("poem")) } else { Self(Arc::from(title)) }
    }

    /// The title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The poems that are part of the program, so that it has something to serve wherever it runs.
///
/// ```
/// use verse::poem::Anthology;
///
/// let titles: Vec<String> = Anthology::embedded().map(|poem| poem.title().as_str().to_owned()).collect();
/// assert_eq!(titles, ["ecstasy", "fascination", "science", "mariner"]);
/// ```
#[derive(Debug)]
pub struct Anthology;

/// `poetry/`, as it was when the program was built.
const EMBEDDED: [(&str, &[u8]); 4] = [
    ("poetry/ecstasy.txt", include_bytes!("../poetry/ecstasy.txt")),
    ("poetry/fascination.txt", include_bytes!("../poetry/fascination.txt")),
    ("poetry/science.txt", include_bytes!("../poetry/science.txt")),
    ("poetry/mariner.txt", include_bytes!("../poetry/mariner.txt")),
];

impl Anthology {
    /// All of them: the three short ones of the series, then the long one.
    pub fn embedded() -> impl ExactSizeIterator<Item = Poem> {
        EMBEDDED.iter().map(|&(file, bytes)| Poem {
            title: Title::of_file(Path::new(file)),
            origin: Arc::from(file),
            bytes: Bytes::from_static(bytes),
        })
    }

    /// The one titled `title`.
    #[must_use]
    pub fn poem(title: &str) -> Option<Poem> {
        Self::embedded().find(|poem| poem.title.as_str() == title)
    }
}

#[cfg(test)]
mod tests;
