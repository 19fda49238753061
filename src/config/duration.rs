//! Durations as people write them: `100ms`, `10s`, `1h30m`.
//!
//! Written here instead of taken from a crate: `humantime` reads months and years of invented length, `jiff`
//! brings a calendar, and both print with spaces; what is needed is exact to the nanosecond, reads back what
//! it prints, and says in one line what is wrong.

use std::time::Duration;

/// The units, largest first, and their length in nanoseconds. A day is read and never printed.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Neither a number with a unit nor several of them.
    #[error("'{0}' is no duration; write it like 100ms, 10s, 1h30m")]
    Malformed(String),
    /// A number alone.
    #[error("'{0}' has no unit; write it like 100ms, 10s, 1h30m")]
    NoUnit(String),
    /// Less than nothing.
    #[error("'{0}' is negative")]
    Negative(String),
    /// More than 2^64 seconds.
    #[error("'{0}' is too long")]
    TooLong(String),
}

/// Reads `100ms`, `0.5s`, `1h30m`: numbers with units d, h, m, s, ms, us, ns, each unit smaller than the one
/// before. A fraction finer than a nanosecond is cut off.
///
/// # Errors
/// The text is no duration, has no unit, is negative or too long.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    if text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(DurationError::Negative(text.to_owned()));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(DurationError::NoUnit(text.to_owned()));
    }
    if text.is_empty() {
        return Err(malformed());
    }
    let (mut rest, mut nanos, mut units) = (text, 0_u128, UNITS.iter());
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        // `find` goes on from the unit before, so that `1s1h` and `1s1s` are refused.
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let part = scaled(number, *length).ok_or_else(malformed)?;
        nanos = nanos.saturating_add(part);
        rest = tail;
    }
    let seconds =
        u64::try_from(nanos / 1_000_000_000).map_err(|_| DurationError::TooLong(text.to_owned()))?;
    Ok(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0)))
}

/// A decimal number of units in nanoseconds, by integers: 0.1 s is 100,000,000 ns and not one less.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || number.ends_with('.') || !digits(fraction) {
        return None;
    }
    // More digits than u128 holds are a length nobody means: saturate, and let the caller say that it is too
    // long.
    let mut nanos = whole.parse::<u128>().unwrap_or(u128::MAX).saturating_mul(unit);
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.saturating_add(u128::from(digit - b'0') * place);
    }
    Some(nanos)
}

/// Writes a duration in the largest units that fit, without loss: `2h`, `1m30s`, `100ms`, `0s`. Reads back
/// equal.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (unit, length) in &UNITS[1..] {
        if rest >= *length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_exactly() {
        let cases = [
            ("100ms", Duration::from_millis(100)),
            ("0.1s", Duration::from_millis(100)),
            ("1.5h", Duration::from_secs(5400)),
            ("1h30m", Duration::from_secs(5400)),
            ("2d", Duration::from_secs(172_800)),
            ("0s", Duration::ZERO),
            ("7ns", Duration::from_nanos(7)),
            ("0.0000000019s", Duration::from_nanos(1)),
        ];
        for (text, duration) in cases {
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_one_line() {
        let cases = [
            ("", "'' is no duration; write it like 100ms, 10s, 1h30m"),
            ("10", "'10' has no unit; write it like 100ms, 10s, 1h30m"),
            ("10 s", "'10 s' is no duration; write it like 100ms, 10s, 1h30m"),
            ("s", "'s' is no duration; write it like 100ms, 10s, 1h30m"),
            ("1.s", "'1.s' is no duration; write it like 100ms, 10s, 1h30m"),
            (".5s", "'.5s' is no duration; write it like 100ms, 10s, 1h30m"),
            ("1.2.3s", "'1.2.3s' is no duration; write it like 100ms, 10s, 1h30m"),
            ("1s1h", "'1s1h' is no duration; write it like 100ms, 10s, 1h30m"),
            ("1s1s", "'1s1s' is no duration; write it like 100ms, 10s, 1h30m"),
            ("10s5", "'10s5' is no duration; write it like 100ms, 10s, 1h30m"),
            ("NaN", "'NaN' is no duration; write it like 100ms, 10s, 1h30m"),
            ("-1s", "'-1s' is negative"),
            ("99999999999999999999s", "'99999999999999999999s' is too long"),
        ];
        for (text, message) in cases {
            assert_eq!(parse_duration(text).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_was_written(seconds: u64, nanos in 0_u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-0-9.dhmsun ]{0,40}") {
            let _ = parse_duration(&text);
        }
    }
}
