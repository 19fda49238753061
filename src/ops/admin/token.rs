//! The token of the admin port: who can read its file may change the node.
//!
//! The file is made when the port is bound and removed when the node ends. A SIGKILL leaves it behind, where it opens
//! nothing; the next node on the port puts its own in its place.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};

/// Random bytes of a token, twice as many digits: 256 bits are beyond guessing.
const BYTES: usize = 32;

/// The longest file that is read as a token: some editor's newlines, and no device that never ends.
const LONGEST: u64 = 4096;

/// What was being done with a token, and to what, when it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The system has no random numbers.
    #[error("cannot draw a token for the admin port")]
    Random(#[source] io::Error),
    /// The folder of tokens could not be made or looked at.
    #[error("cannot make the folder {} for the token of the admin port ($XDG_RUNTIME_DIR names another)", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others own the folder of tokens, or may write into it.
    #[error("{} is not a folder of this user's alone, so no place for the token of the admin port ($XDG_RUNTIME_DIR names another)", .0.display())]
    Unsafe(PathBuf),
    /// The file could not be written.
    #[error("cannot write the token of the admin port to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("cannot read the token of the admin port from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A token and its file. Removed by [`remove`](Self::remove), at the latest when dropped.
pub struct Token {
    secret: String,
    path: PathBuf,
}

impl Token {
    /// Draws one from the system's random numbers, not from the node's, which whoever knows the seed could draw again;
    /// and writes it to `path`, over what is there, with mode 0600 from the first moment on.
    ///
    /// # Errors
    /// [`TokenError`] with the file.
    pub fn create(path: &Path) -> Result<Self, TokenError> {
        let token = Self { secret: draw().map_err(TokenError::Random)?, path: path.to_owned() };
        let failed = |source| TokenError::Write { path: path.to_owned(), source };
        // Written beside and renamed: a link that somebody has put there is replaced, not followed, and no reader sees
        // half of it.
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        // Of a process that had this number and did not come to the end of this.
        let _ = fs::remove_file(&beside);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
        let written = writeln!(file, "{}", token.secret).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map_err(failed)?;
        Ok(token)
    }

    /// Whether `given` is it, in a time that tells nothing of how much of it is right.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let (ours, given) = (self.secret.as_bytes(), given.as_bytes());
        // Its length is no secret.
        ours.len() == given.len()
            && black_box(ours.iter().zip(given).fold(0, |wrong, (a, b)| black_box(wrong | (a ^ b)))) == 0
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless another node's is there by now.
    pub fn remove(&self) {
        if read(&self.path).is_ok_and(|there| self.is(&there)) {
            // Gone already, or the folder is: that is what was wanted.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.remove();
    }
}

impl fmt::Debug for Token {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.path.display())
    }
}

/// The token in a file.
///
/// # Errors
/// [`TokenError::Read`].
pub fn read(path: &Path) -> Result<String, TokenError> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
    Ok(text.trim().to_owned())
}

/// Where the token of the node on `port` is unless its configuration says otherwise: `PORT.token` in
/// `$XDG_RUNTIME_DIR/verse`, or, if there is no such folder, in `verse-UID` in the one for temporary files.
#[must_use]
pub fn default_path(port: u16) -> PathBuf {
    default_folder().join(format!("{port}.token"))
}

/// [`default_path`], its folder made if it is not there.
///
/// # Errors
/// [`TokenError::Folder`]; [`TokenError::Unsafe`] if others could put something else there: in a folder that all may
/// write to, somebody may have been first.
pub fn make_default_path(port: u16) -> Result<PathBuf, TokenError> {
    let folder = default_folder();
    let failed = |source| TokenError::Folder { path: folder.clone(), source };
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let there = fs::symlink_metadata(&folder).map_err(failed)?;
    let own = there.uid() == rustix::process::geteuid().as_raw();
    if !there.is_dir() || !own || there.mode() & 0o022 != 0 {
        return Err(TokenError::Unsafe(folder));
    }
    Ok(default_path(port))
}

fn default_folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime {
        // The variable may be left over from a session that is no more, or another user's.
        Some(folder) if folder.is_absolute() && folder.is_dir() => folder.join("verse"),
        _ => std::env::temp_dir().join(format!("verse-{}", rustix::process::geteuid().as_raw())),
    }
}

fn draw() -> io::Result<String> {
    let mut bytes = [0_u8; BYTES];
    let mut drawn = 0;
    while drawn < BYTES {
        drawn += getrandom(&mut bytes[drawn..], GetRandomFlags::empty())?;
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of the test's own, removed with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("verse-token-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_token_is_only_itself() {
        let folder = Folder::new("only");
        let token = Token::create(&folder.0.join("a")).unwrap();
        let text = read(token.path()).unwrap();
        assert_eq!(text.len(), 2 * BYTES);
        assert!(token.is(&text));
        let mut last = text.clone();
        last.pop();
        assert!(!token.is(&last) && !token.is("") && !token.is(&format!("{text}0")));
        last.push(if text.ends_with('0') { '1' } else { '0' });
        assert!(!token.is(&last));
        assert!(!Token::create(&folder.0.join("b")).unwrap().is(&text), "each is drawn anew");
    }

    #[test]
    fn its_file_is_the_owners_alone_replaces_what_was_there_and_goes_with_it() {
        let folder = Folder::new("file");
        let (path, elsewhere) = (folder.0.join("a"), folder.0.join("elsewhere"));
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let token = Token::create(&path).unwrap();
        let there = fs::symlink_metadata(&path).unwrap();
        assert_eq!((there.mode() & 0o7777, there.is_file()), (0o600, true));
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine", "a link is not followed");
        drop(token);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn the_file_of_the_next_node_is_not_removed_by_the_last() {
        let folder = Folder::new("next");
        let path = folder.0.join("a");
        let last = Token::create(&path).unwrap();
        let next = Token::create(&path).unwrap();
        drop(last);
        assert!(next.is(&read(&path).unwrap()));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = Folder::new("nowhere");
        let error = Token::create(&folder.0.join("no/such/folder")).unwrap_err();
        assert!(error.to_string().ends_with("no/such/folder"), "{error}");
    }
}
