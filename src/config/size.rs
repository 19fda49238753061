//! Sizes in bytes as people write them: `1000`, `64KiB`, `64MiB`.

/// The units, largest first, and their length in bytes. Decimal ones are read and never printed.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// No whole number with one of the units.
    #[error("'{0}' is no size; write it like 1000, 64KiB, 64MiB")]
    Malformed(String),
    /// More than 2^64 - 1 bytes.
    #[error("'{0}' is too large")]
    TooLarge(String),
}

/// Reads `1000`, `64KiB`, `1MB`: a whole number of bytes, or of B, kB, MB, GB (thousands), KiB, MiB, GiB
/// (1,024s).
///
/// # Errors
/// The text is no size, or larger than 2^64 - 1 bytes.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(text.to_owned());
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if number.is_empty() {
        return Err(malformed());
    }
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let known = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length);
    let length = if split == text.len() { 1 } else { known.ok_or_else(malformed)? };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(length));
    bytes.ok_or_else(|| SizeError::TooLarge(text.to_owned()))
}

/// Writes a size with the largest binary unit that loses nothing: `64MiB`, `1000B`. Reads back equal.
pub fn format_size(bytes: u64) -> String {
    let fits = |length: u64| bytes >= length && bytes.is_multiple_of(length);
    match UNITS[..3].iter().find(|(_, length)| fits(*length)) {
        Some((unit, length)) => format!("{}{unit}", bytes / length),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_with_either_kind_of_unit() {
        let cases = [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("64 MiB", 64 << 20), ("1MB", 1_000_000)];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_in_one_line() {
        for text in ["", "MiB", "-1", "1.5MiB", "64mib", "64M", "1  KiB", "1 "] {
            assert_eq!(parse_size(text), Err(SizeError::Malformed(text.to_owned())));
        }
        let error = parse_size("99999999999GiB").unwrap_err();
        assert_eq!(error.to_string(), "'99999999999GiB' is too large");
    }

    proptest! {
        #[test]
        fn a_size_reads_back_as_it_was_written(bytes: u64, shift in 0_u32..64) {
            let bytes = bytes << shift;
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }
}
