//! What the command line promises.

mod bad;
mod ctl;
mod good;
mod help;

use std::path::{Path, PathBuf};

use super::{Code, Command, Exit, parse};

/// A command line, split at spaces.
fn run(line: &str) -> Result<Command, Exit> {
    parse(line.split(' '))
}

/// The one line with which a command line is refused, without its newline.
fn refusal(line: &str) -> String {
    let exit = run(line).expect_err(line);
    assert_eq!(exit.code(), Code::Usage, "{}", exit.text());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    assert_eq!(exit.print(&mut stdout, &mut stderr), Code::Usage);
    assert_eq!(stdout, b"", "errors go to stderr");
    let text = String::from_utf8(stderr).unwrap();
    let line = text.strip_suffix('\n').expect("a line ends with a newline");
    assert!(!line.contains('\n'), "one line: {line}");
    line.to_owned()
}

/// A folder of its own for a test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("verse-cli-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Writes a file and gives its name, which holds no space.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.name(name)
    }

    fn name(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
