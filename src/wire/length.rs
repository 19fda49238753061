//! A length in decimal digits, one at a time.

use super::Reason;

/// The digits of a length read so far.
///
/// Strict: no sign, no space, no leading zero, nothing above the limit. Since it can have no leading zero, it
/// can have no more digits than its limit has: an endless row of digits is refused by the first that is too
/// many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Length(Option<usize>);

impl Length {
    /// Takes the next digit.
    pub(super) fn push(&mut self, byte: u8, limit: usize) -> Result<(), Reason> {
        if !byte.is_ascii_digit() {
            return Err(Reason::NotADigit(byte));
        }
        let digit = usize::from(byte - b'0');
        let value = match self.0 {
            None => Some(digit),
            Some(0) => return Err(Reason::LeadingZero),
            Some(value) => value.checked_mul(10).and_then(|tens| tens.checked_add(digit)),
        };
        match value {
            Some(value) if value <= limit => self.0 = Some(value),
            _ => return Err(Reason::TooLong { limit }),
        }
        Ok(())
    }

    /// The length, now that something else than a digit ended it.
    pub(super) fn end(self) -> Result<usize, Reason> {
        self.0.ok_or(Reason::NoLength)
    }

    /// No digit has come yet.
    pub(super) fn is_empty(self) -> bool {
        self.0.is_none()
    }
}
