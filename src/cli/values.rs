//! What values of arguments mean, and in one line why they are refused.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::{DurationError, Host, HostPort, format_duration, parse_duration};
use crate::wire::request::NAME_LIMIT;

/// The longest wait anybody can ask for.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A port to listen on, 0 to 65535; 0 is any free one.
pub(super) fn port(text: &str) -> Result<u16, String> {
    crate::config::parse_port(text).map_err(|error| error.to_string())
}

/// `[HOST:]PORT` of a server.
pub(super) fn server(text: &str) -> Result<HostPort, String> {
    text.parse::<HostPort>().and_then(HostPort::connectable).map_err(|error| error.to_string())
}

/// The interface to listen on.
pub(super) fn interface(text: &str) -> Result<Host, String> {
    text.parse::<Host>().map_err(|error| error.to_string())
}

/// A whole number within its bounds.
pub(super) fn count(bounds: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse::<u64>().ok() } else { None };
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| format!("'{text}' is no integer from {} to {}", bounds.start(), bounds.end()))
    }
}

/// The same for what fits into 32 bits.
pub(super) fn small_count(bounds: RangeInclusive<u32>) -> impl Fn(&str) -> Result<u32, String> + Clone {
    let wide = count(u64::from(*bounds.start())..=u64::from(*bounds.end()));
    move |text| wide(text).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// A pause: 0 s to 24 h, as seconds (`0.1`, like the series) or with a unit (`100ms`).
pub(super) fn delay(text: &str) -> Result<Duration, String> {
    bounded(text, Duration::ZERO, MAX_WAIT)
}

/// A time-out: 1 ms to 24 h, as seconds or with a unit.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    bounded(text, Duration::from_millis(1), MAX_WAIT)
}

/// How long a transform may take: 1 ms to 1 h, as seconds or with a unit.
pub(super) fn deadline(text: &str) -> Result<Duration, String> {
    bounded(text, Duration::from_millis(1), Duration::from_secs(3600))
}

/// How long a poem is kept: 0 s to 365 d, as seconds or with a unit.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    bounded(text, Duration::ZERO, Duration::from_secs(365 * 24 * 3600))
}

/// The name of a transform as the wire allows it: visible ASCII, no dot, because the first dot ends the name.
pub(super) fn transform_name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if text.is_empty() || text.len() > NAME_LIMIT || !plain {
        let shown = text.escape_debug();
        return Err(format!(
            "'{shown}' is no name; it has 1 to {NAME_LIMIT} visible ASCII characters and no dot"
        ));
    }
    Ok(text.to_owned())
}

fn bounded(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let duration = seconds_or_unit(text)?;
    if duration < least || duration > most {
        let (least, most) = (format_duration(least), format_duration(most));
        return Err(format!("'{text}' is out of bounds; {least} to {most}"));
    }
    Ok(duration)
}

/// Seconds as Python's `float` reads them, or a duration with units.
fn seconds_or_unit(text: &str) -> Result<Duration, String> {
    let no_duration = || format!("'{text}' is no duration; give seconds like 0.1, or 100ms, 10s, 1h30m");
    match parse_duration(text) {
        Ok(duration) => Ok(duration),
        // Plain digits are read as decimals, exactly: 0.1 is 100 ms and not a binary fraction near it.
        Err(DurationError::NoUnit(_)) if parse_duration(&format!("{text}s")).is_ok() => {
            parse_duration(&format!("{text}s")).map_err(|error| error.to_string())
        }
        Err(error) => match text.parse::<f64>() {
            Ok(seconds) if seconds.is_nan() || seconds.is_infinite() => Err(no_duration()),
            Ok(seconds) if seconds < 0.0 => Err(format!("'{text}' is negative")),
            Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| format!("'{text}' is too long")),
            Err(_) => match error {
                DurationError::Malformed(_) | DurationError::NoUnit(_) => Err(no_duration()),
                other => Err(other.to_string()),
            },
        },
    }
}
