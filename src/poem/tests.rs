//! Reading poems, and what the shipped ones are.

use std::error::Error;

use super::*;

/// A directory of one test's own, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("verse-poem-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file can be written there");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(poem: &Poem) -> &str {
    std::str::from_utf8(poem.bytes()).expect("the shipped poems are text")
}

#[test]
fn a_poem_is_read_byte_for_byte_and_titled_after_its_file() {
    let folder = Folder::new("read");
    let path = folder.file("odd.poem.txt", b"\xff\x00 not text \r\n");
    let poem = Poem::read(&path, 64).unwrap();
    assert_eq!(&poem.bytes()[..], b"\xff\x00 not text \r\n");
    assert_eq!((poem.title().as_str(), poem.origin()), ("odd.poem", path.to_str().unwrap()));
}

#[test]
fn a_clone_shares_the_text() {
    let poem = Anthology::poem("mariner").unwrap();
    assert_eq!(poem.clone().bytes().as_ptr(), poem.bytes().as_ptr());
}

#[test]
fn each_way_to_have_no_poem_has_its_error_and_names_the_file() {
    let folder = Folder::new("errors");
    let file = folder.file("file.txt", b"x");
    let cases: [(PathBuf, &str); 4] = [
        (folder.0.join("nothing.txt"), "no such file"),
        (folder.0.clone(), "it is a directory"),
        (folder.file("empty.txt", b""), "is empty"),
        (PathBuf::from("/dev/null"), "it is not a regular file"),
    ];
    for (path, why) in cases {
        let error = Poem::read(&path, 64).expect_err(why).to_string();
        assert!(error.contains(why) && error.contains(path.to_str().unwrap()), "{error}");
    }
    // Unreadable for any user, root too.
    let error = Poem::read(&file.join("below a file"), 64).expect_err("a file is no directory");
    assert!(matches!(&error, PoemError::Unreadable { .. }) && error.source().is_some(), "{error:?}");
}

#[test]
fn a_poem_may_be_as_long_as_its_limit_and_no_longer() {
    let folder = Folder::new("limit");
    let path = folder.file("ten.txt", b"0123456789");
    assert_eq!(Poem::read(&path, 10).unwrap().bytes().len(), 10);
    assert!(matches!(Poem::read(&path, 9), Err(PoemError::TooLong { limit: 9, .. })));
}

#[test]
fn a_file_that_says_it_has_no_bytes_and_has_some_is_bounded_all_the_same() {
    let path = Path::new("/proc/self/maps");
    assert_eq!(fs::metadata(path).unwrap().len(), 0);
    assert!(matches!(Poem::read(path, 9), Err(PoemError::TooLong { limit: 9, .. })));
    assert!(Poem::read(path, DEFAULT_LIMIT).is_ok());
}

#[test]
fn a_title_is_short_text_on_one_line() {
    assert_eq!(Title::new("To Science").unwrap().as_str(), "To Science");
    for bad in ["", "two\nlines", &"a".repeat(TITLE_LIMIT + 1)] {
        assert!(matches!(Title::new(bad), Err(PoemError::BadTitle(_))), "{bad:?}");
    }
}

#[test]
fn every_file_has_a_title_that_is_allowed() {
    let long = format!("{}.txt", "é".repeat(40));
    for (file, title) in
        [("..", "poem"), ("a\nb.txt", "a-b"), (".hidden", ".hidden"), (&long, &"é".repeat(32))]
    {
        let of_file = Title::of_file(Path::new(file));
        assert_eq!(of_file.as_str(), title);
        assert!(Title::new(of_file.as_str()).is_ok());
    }
}

#[test]
fn the_shipped_poems_are_those_of_the_folder() {
    for poem in Anthology::embedded() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(poem.origin());
        assert_eq!(Poem::read(&path, DEFAULT_LIMIT).unwrap().bytes(), poem.bytes());
    }
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("poetry")).unwrap().count();
    assert_eq!(files, Anthology::embedded().len(), "a poem that is not embedded, or one that is no more");
}

#[test]
fn the_shipped_poems_are_complete() {
    let shapes = [("ecstasy", 19, 76), ("fascination", 1, 13), ("science", 1, 14)];
    for (title, stanzas, lines) in shapes {
        let poem = Anthology::poem(title).unwrap();
        let (head, body) = text(&poem).split_once("\n\n").expect("title and author stand above");
        assert_eq!(head.lines().count(), 2, "{title}");
        assert_eq!(body.split("\n\n").count(), stanzas, "{title}");
        assert_eq!(body.lines().filter(|line| !line.is_empty()).count(), lines, "{title}");
    }
}

#[test]
fn the_long_poem_has_all_seven_parts_and_more_than_twenty_kilobytes() {
    let poem = Anthology::poem("mariner").unwrap();
    assert!(poem.bytes().len() > 20 * 1024);
    let parts: Vec<usize> = text(&poem)
        .split("\nPART ")
        .skip(1)
        .map(|part| {
            let verses = part.lines().skip(1).filter(|line| !line.is_empty() && !line.ends_with(" VOICE"));
            verses.count()
        })
        .collect();
    assert_eq!(parts, [82, 60, 81, 68, 118, 104, 112], "the lines of the text of 1834, part by part");
}

#[test]
fn every_shipped_poem_ends_with_one_newline_and_has_no_stray_space() {
    for poem in Anthology::embedded() {
        let text = text(&poem);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{}", poem.title());
        assert!(text.lines().all(|line| line.trim_end() == line && !line.contains('\t')), "{}", poem.title());
    }
}
