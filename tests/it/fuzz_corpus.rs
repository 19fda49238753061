//! What the fuzzer was given and what it found: each file of its corpora is replayed against the target's own
//! claims.

use std::fs;
use std::path::Path;

use verse::wire;

#[allow(unreachable_pub, reason = "the crate of the fuzz targets exports them")]
#[path = "../fuzz/src/targets.rs"]
mod targets;

/// Runs `target` on every file of the corpus `name`; the panic of a failure names the file.
fn replay(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&corpus)
        .expect("the corpus is a directory")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{} has only {} files", corpus.display(), files.len());
    for file in files {
        let data = fs::read(&file).expect("a file of the corpus can be read");
        let outcome = std::panic::catch_unwind(|| target(&data));
        assert!(outcome.is_ok(), "{} breaks the target {name}", file.display());
    }
}

#[test]
fn the_corpus_of_the_netstring_decoder_breaks_nothing() {
    replay("netstring", targets::netstring);
}

#[test]
fn the_corpus_of_the_transform_request_breaks_nothing() {
    replay("request", targets::request);
}

#[test]
fn the_corpus_of_the_line_protocol_breaks_nothing() {
    replay("lines", targets::lines);
}
