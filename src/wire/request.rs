//! The transform request of Part 12: `<name>.<poem>`, in one netstring; answered by the poem in another.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Malformed, Reason};

/// How long a transform's name may be, in bytes: well above any there is, and little enough to be shown in an
/// event whatever a peer sends.
pub const NAME_LIMIT: usize = 64;

/// A request for a transformation. Cheap to clone as far as the poem goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which transformation: 1 to [`NAME_LIMIT`] visible ASCII characters.
    pub name: String,
    /// The poem to transform, as it came. Whether it is text is for the transform to say.
    pub poem: Bytes,
}

impl Request {
    /// The request in `frame`: the first dot ends the name, all after it is the poem, dots included (Part 12).
    /// The poem shares the frame's memory.
    ///
    /// # Errors
    ///
    /// No dot, or a name that is empty, too long or not visible ASCII. Offsets are within the frame.
    pub fn parse(frame: &Bytes) -> Result<Self, Malformed> {
        let Some(dot) = frame.iter().position(|&byte| byte == b'.') else {
            return Err(Malformed { offset: frame.len() as u64, reason: Reason::NoDot });
        };
        let name = name(&frame[..dot]).map_err(|(at, reason)| Malformed { offset: at as u64, reason })?;
        Ok(Self { name, poem: frame.slice(dot + 1..) })
    }

    /// What goes into the netstring.
    #[must_use]
    pub fn to_frame(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.name.len() + 1 + self.poem.len());
        out.put(self.name.as_bytes());
        out.put_u8(b'.');
        out.put(self.poem.clone());
        out.freeze()
    }
}

/// A name as both transform protocols allow it, or where and why it is none.
pub(super) fn name(bytes: &[u8]) -> Result<String, (usize, Reason)> {
    if bytes.is_empty() {
        return Err((0, Reason::NoName));
    }
    if bytes.len() > NAME_LIMIT {
        return Err((NAME_LIMIT, Reason::NameTooLong { limit: NAME_LIMIT }));
    }
    match bytes.iter().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err((at, Reason::BadName(bytes[at]))),
        None => Ok(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}
