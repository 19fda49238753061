//! Which children a fault is for.

use std::fmt;

use crate::Path;

/// A path in which `*` stands for any one id and `**` for any number of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Box<str>>);

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.split('/').filter(|id| !id.is_empty()).map(Box::from).collect())
    }

    /// Whether whoever is at `path` is meant; of a process that is nobody's child there is none.
    pub(super) fn fits(&self, path: Option<&Path>) -> bool {
        let ids: Vec<&str> = path.into_iter().flat_map(ids).collect();
        fits(&self.0, &ids)
    }
}

fn ids(path: &Path) -> impl Iterator<Item = &str> {
    let above = path.supervisor.split('/').filter(|id| !id.is_empty());
    above.chain(std::iter::once(path.child.as_str()))
}

/// Exponential in the number of `**`, of which a path of a tree needs one or two.
fn fits(pattern: &[Box<str>], ids: &[&str]) -> bool {
    match (pattern.split_first(), ids.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if &**first == "**" => {
            fits(rest, ids) || ids.split_first().is_some_and(|(_, ids)| fits(pattern, ids))
        }
        (Some((first, rest)), Some((id, ids))) => (&**first == "*" || &**first == *id) && fits(rest, ids),
        _ => false,
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_one_id_and_two_are_any_number() {
        let path =
            |supervisor: &str, child: &str| Path { supervisor: supervisor.into(), child: child.into() };
        let connection = path("proxy/connections", "connection");
        for fitting in [
            "proxy/connections/connection",
            "proxy/*/connection",
            "*/*/*",
            "**",
            "proxy/**",
            "**/connection",
            "proxy/**/connection",
            "**/proxy/connections/connection/**",
        ] {
            assert!(Pattern::new(fitting).fits(Some(&connection)), "{fitting}");
        }
        for other in
            ["", "proxy", "proxy/connections", "*/*", "**/proxy", "proxy/*/connections/*", "Proxy/**"]
        {
            assert!(!Pattern::new(other).fits(Some(&connection)), "{other}");
        }
        assert!(Pattern::new("cache").fits(Some(&path("", "cache"))), "a child of the root");
        assert!(Pattern::new("**").fits(None) && !Pattern::new("*").fits(None), "nobody's child");
    }
}
