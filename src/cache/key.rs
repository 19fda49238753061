//! What a poem is kept under.

use std::fmt;
use std::sync::Arc;

use super::digest::Digest;

/// The longest name of a transform that is looked up: 256 bytes. Keys are also held for failures, so a name as long as
/// a netstring may be (1 MiB) would let one client fill the memory that the bound on entries is meant to protect.
pub const MAX_TRANSFORM_NAME: usize = 256;

/// The slot of a poem: one upstream has one poem, and a transform service has one for each transform and original.
/// Cheap to clone (names are shared), ordered (histories must not depend on a hash).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The poem of an upstream.
    Poem {
        /// The upstream's name in the config, not its address: several addresses may be alternatives for one poem.
        upstream: Arc<str>,
    },
    /// A poem as a transform service returns it.
    Transformed {
        /// The transform service's name in the config.
        upstream: Arc<str>,
        /// The transform's name, at most [`MAX_TRANSFORM_NAME`] bytes.
        transform: Arc<str>,
        /// The digest of the poem before the transform.
        original: Digest,
    },
}

/// Why there is no such key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name of a transform is longer than [`MAX_TRANSFORM_NAME`].
    #[error(
        "looking up a transform: its name is {length} bytes long, at most {MAX_TRANSFORM_NAME} are allowed"
    )]
    NameTooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl Key {
    /// The key of an upstream's poem.
    pub fn poem(upstream: impl Into<Arc<str>>) -> Key {
        Key::Poem { upstream: upstream.into() }
    }

    /// The key of `original` after `transform`; digests the original, so its cost is linear in the poem.
    pub fn transformed(
        upstream: impl Into<Arc<str>>,
        transform: &str,
        original: &[u8],
    ) -> Result<Key, KeyError> {
        if transform.len() > MAX_TRANSFORM_NAME {
            return Err(KeyError::NameTooLong { length: transform.len() });
        }
        let (upstream, transform) = (upstream.into(), transform.into());
        Ok(Key::Transformed { upstream, transform, original: Digest::of(original) })
    }

    /// The name of the upstream that is asked for it.
    pub fn upstream(&self) -> &Arc<str> {
        match self {
            Key::Poem { upstream } | Key::Transformed { upstream, .. } => upstream,
        }
    }

    /// Where trouble is noted that concerns the upstream as a whole. For a plain poem that is the key itself.
    pub(super) fn of_upstream(&self) -> Key {
        Key::Poem { upstream: Arc::clone(self.upstream()) }
    }

    /// Bytes the key itself occupies, names included; counted with each poem kept.
    pub(super) fn weight(&self) -> usize {
        size_of::<Key>()
            + match self {
                Key::Poem { upstream } => upstream.len(),
                Key::Transformed { upstream, transform, .. } => upstream.len() + transform.len(),
            }
    }
}

impl fmt::Display for Key {
    /// `127.0.0.1:10004`, or `127.0.0.1:10011 cummingsify 9f86d0…` with all 64 digits of the digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Poem { upstream } => f.write_str(upstream),
            Key::Transformed { upstream, transform, original } => {
                write!(f, "{upstream} {transform} {original}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transformed_poem_has_a_key_for_each_upstream_transform_and_original() {
        let key = |upstream: &str, name, poem: &[u8]| Key::transformed(upstream, name, poem).unwrap();
        let one = key("a", "shout", b"x");
        assert_eq!(one, key("a", "shout", b"x"));
        for other in
            [key("b", "shout", b"x"), key("a", "rot13", b"x"), key("a", "shout", b"y"), Key::poem("a")]
        {
            assert_ne!(one, other);
        }
        assert_eq!(one.of_upstream(), Key::poem("a"));
    }

    #[test]
    fn a_transform_name_over_the_bound_is_no_key() {
        let name = "x".repeat(MAX_TRANSFORM_NAME);
        assert!(Key::transformed("a", &name, b"").is_ok());
        let error = Key::transformed("a", &format!("{name}x"), b"").unwrap_err();
        assert_eq!(error, KeyError::NameTooLong { length: MAX_TRANSFORM_NAME + 1 });
    }

    #[test]
    fn a_key_is_shown_as_an_operator_would_write_it() {
        assert_eq!(Key::poem("127.0.0.1:10004").to_string(), "127.0.0.1:10004");
        let shown = Key::transformed("t", "shout", b"abc").unwrap().to_string();
        assert!(shown.starts_with("t shout ba7816bf"), "{shown}");
    }
}
