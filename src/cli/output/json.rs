//! `verse get --json`: a line a server.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::config::HostPort;

/// What became of one server.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The task, from 1.
    pub task: usize,
    /// The server.
    pub server: &'a HostPort,
    /// From the start to the end of this poem.
    pub took: Duration,
    /// The poem as it would be printed: none if it was not got, the original if its transform failed.
    pub poem: Option<&'a [u8]>,
    /// What went wrong; `ok` is that nothing did.
    pub error: Option<&'a str>,
}

/// The record as one line of JSON: `task`, `server`, `ok`, `bytes`, `seconds` (to the microsecond), `poem` if
/// it is UTF-8 or else `poem_base64` (standard alphabet, padded), `error`.
pub fn json_line(record: &Record<'_>) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        task: usize,
        server: String,
        ok: bool,
        bytes: usize,
        seconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        poem: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        poem_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    }
    let text = record.poem.and_then(|poem| std::str::from_utf8(poem).ok());
    let micros = u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX);
    let line = Line {
        task: record.task,
        server: record.server.to_string(),
        ok: record.error.is_none(),
        bytes: record.poem.map_or(0, <[u8]>::len),
        seconds: micros as f64 / 1e6,
        poem: text,
        poem_base64: record.poem.filter(|_| text.is_none()).map(|poem| STANDARD.encode(poem)),
        error: record.error,
    };
    serde_json::to_string(&line).expect("numbers, booleans and strings always have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(poem: Option<&[u8]>, error: Option<&str>) -> String {
        let server = HostPort::loopback(10000);
        let took = Duration::from_nanos(10_126_361_999);
        json_line(&Record { task: 1, server: &server, took, poem, error })
    }

    #[test]
    fn a_poem_is_one_line_of_json() {
        assert_eq!(
            line(Some("SCIENCE!\n\"true\" é".as_bytes()), None),
            r#"{"task":1,"server":"127.0.0.1:10000","ok":true,"bytes":18,"seconds":10.126361,"poem":"SCIENCE!\n\"true\" é"}"#
        );
    }

    #[test]
    fn a_poem_that_is_not_utf_8_is_base64() {
        assert_eq!(
            line(Some(b"\xff\x00a"), None),
            r#"{"task":1,"server":"127.0.0.1:10000","ok":true,"bytes":3,"seconds":10.126361,"poem_base64":"/wBh"}"#
        );
    }

    #[test]
    fn a_failure_has_no_poem_and_a_failed_transform_has_the_original() {
        assert_eq!(
            line(None, Some("connection refused")),
            r#"{"task":1,"server":"127.0.0.1:10000","ok":false,"bytes":0,"seconds":10.126361,"error":"connection refused"}"#
        );
        assert_eq!(
            line(Some(b"a"), Some("Cummingsify failed!")),
            r#"{"task":1,"server":"127.0.0.1:10000","ok":false,"bytes":1,"seconds":10.126361,"poem":"a","error":"Cummingsify failed!"}"#
        );
    }
}
