//! A folder of its own for a test.

use std::path::{Path, PathBuf};

/// Gone at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A folder for the test of that name.
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("verse-it-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    /// Writes a file and gives its name.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        self.name(name)
    }

    /// The full name of a file that need not be there.
    pub(crate) fn name(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the name is UTF-8").to_owned()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
