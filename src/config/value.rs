//! TOML values -> what the tables hold.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::{Framing, HostPort, LogLevel, Upstream, parse_duration, parse_size};
use crate::poem::Title;

/// A type that a TOML value can be read as.
pub(super) trait FromToml: Sized {
    /// What to write, for the error about another type.
    const EXPECTED: &'static str;

    /// The value; `None` if it has another type, an error if it has the type and cannot be read.
    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>>;
}

/// A size in bytes: an integer, or a text with a unit.
pub(super) struct Size(pub(super) u64);

impl FromToml for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_bool().map(Ok)
    }
}

impl FromToml for u64 {
    const EXPECTED: &'static str = "an integer";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        let DeValue::Integer(integer) = value else { return None };
        let number = u64::from_str_radix(integer.as_str(), integer.radix());
        Some(number.map_err(|_| format!("{integer} is no integer from 0 to {}", u64::MAX)))
    }
}

impl FromToml for u32 {
    const EXPECTED: &'static str = "an integer";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        let DeValue::Integer(integer) = value else { return None };
        let number = u32::from_str_radix(integer.as_str(), integer.radix());
        Some(number.map_err(|_| format!("{integer} is no integer from 0 to {}", u32::MAX)))
    }
}

impl FromToml for u8 {
    const EXPECTED: &'static str = "an integer";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        u64::from_toml(value).map(|number| narrow(number?, u64::from(u8::MAX)))
    }
}

impl FromToml for usize {
    const EXPECTED: &'static str = "an integer";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        u64::from_toml(value).map(|number| narrow(number?, usize::MAX as u64))
    }
}

fn narrow<T: TryFrom<u64>>(number: u64, most: u64) -> Result<T, String> {
    T::try_from(number).map_err(|_| format!("{number} is no integer from 0 to {most}"))
}

impl FromToml for Size {
    const EXPECTED: &'static str = "a size such as 1000 or \"64MiB\"";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        match value {
            DeValue::String(text) => Some(parse_size(text).map(Size).map_err(|error| error.to_string())),
            _ => u64::from_toml(value).map(|number| number.map(Size)),
        }
    }
}

impl FromToml for Duration {
    const EXPECTED: &'static str = "a duration such as \"100ms\" or \"10s\"";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_str().map(|text| parse_duration(text).map_err(|error| error.to_string()))
    }
}

impl FromToml for Title {
    const EXPECTED: &'static str = "a title";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_str().map(|text| Title::new(text).map_err(|error| error.to_string()))
    }
}

impl FromToml for PathBuf {
    const EXPECTED: &'static str = "the name of a file";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_str().map(|text| Ok(PathBuf::from(text)))
    }
}

impl FromToml for HostPort {
    const EXPECTED: &'static str = "an address such as \"127.0.0.1:10001\" or a port";

    /// A port alone may be written as an integer: it is one.
    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        let text = match value {
            DeValue::String(text) => text.as_ref().to_owned(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().to_owned(),
            _ => return None,
        };
        Some(text.parse::<HostPort>().map_err(|error| error.to_string()))
    }
}

impl FromToml for Framing {
    const EXPECTED: &'static str = "\"raw\" or \"netstring\"";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_str().map(str::parse)
    }
}

impl FromToml for LogLevel {
    const EXPECTED: &'static str = "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        value.as_str().map(str::parse)
    }
}

impl FromToml for Upstream {
    const EXPECTED: &'static str = "an address such as \"127.0.0.1:10001\", or { poem = \"TITLE\" }";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        let Some(table) = value.as_table() else {
            return HostPort::from_toml(value).map(|at| at.map(Upstream::Address));
        };
        let title = table.get("poem").filter(|_| table.len() == 1)?;
        Title::from_toml(title.get_ref()).map(|title| title.map(Upstream::Poem))
    }
}

impl FromToml for Vec<Upstream> {
    const EXPECTED: &'static str =
        "an address such as \"127.0.0.1:10001\", { poem = \"TITLE\" }, or an array of them";

    fn from_toml(value: &DeValue<'_>) -> Option<Result<Self, String>> {
        match value.as_array() {
            Some(array) => array.iter().map(|value| Upstream::from_toml(value.get_ref())).collect(),
            None => Upstream::from_toml(value).map(|upstream| upstream.map(|one| vec![one])),
        }
    }
}

/// What was found instead, in a few words.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(integer) => format!("the integer {integer}"),
        DeValue::Float(float) => format!("the number {float}"),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
