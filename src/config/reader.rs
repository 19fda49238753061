//! TOML -> [`Config`]: types, unknown keys, and where each value stands.
//!
//! The tables are walked by hand over `toml`'s spanned tree instead of derived: serde names an unknown key
//! without a suggestion, reports in an order of its own, and loses the place of a value once it is read,
//! which [`Config::validate`] needs afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Key, KeyPath, Table, nearest};
use super::value::{FromToml, Size, describe};
use super::{Config, ConfigError, Place, PoemConfig, ProxyConfig, TransformConfig};
use super::{limits, node, poem, proxy, transform};

/// A configuration is at most 1 MiB: the parser's memory grows with it, and thousands of poems fit.
const MAX_FILE: u64 = 1 << 20;

/// The tables, as the keys of the file.
const FILE: &[Key] = &[
    Key { name: "node", help: "" },
    Key { name: "limits", help: "" },
    Key { name: "poem", help: "" },
    Key { name: "transform", help: "" },
    Key { name: "proxy", help: "" },
];

/// Reads the text of a configuration file.
pub(super) fn read_file(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    Ok(text)
}

/// A parsed file, and where each value that was read from it stands.
pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
    places: RefCell<BTreeMap<KeyPath, usize>>,
}

/// A table that is being read, all of whose keys are known.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    /// Which table it is.
    pub(super) path: Table,
    table: &'d DeTable<'d>,
}

impl<'a> Document<'a> {
    /// Parses the text as TOML.
    pub(super) fn parse(text: &'a str, file: &'a str) -> Result<Document<'a>, ConfigError> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Document { file, text, root, places: RefCell::default() }),
            Err(error) => Err(ConfigError::Syntax {
                place: Place::of(file, text, error.span().map_or(text.len(), |span| span.start)),
                message: error.message().replace('\n', " "),
            }),
        }
    }

    /// Reads all tables, then judges the whole.
    pub(super) fn read(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let file = self.section(Table::File, self.root.get_ref(), 0, FILE)?;
        if let Some(table) = file.one("node", Table::Node, node::KEYS)? {
            config.node.read(&table)?;
        }
        if let Some(table) = file.one("limits", Table::Limits, limits::KEYS)? {
            config.limits.read(&table)?;
        }
        for table in file.many("poem", Table::Poem, poem::KEYS)? {
            config.poems.push(PoemConfig::read(&table)?);
        }
        if let Some(table) = file.one("transform", Table::Transform, transform::KEYS)? {
            config.transform = Some(TransformConfig::read(&table)?);
        }
        for table in file.many("proxy", Table::Proxy, proxy::KEYS)? {
            config.proxies.push(ProxyConfig::read(&table)?);
        }
        config
            .validate()
            .map_err(|source| ConfigError::Invalid { place: self.place_of(source.key), source })?;
        Ok(config)
    }

    /// Where a value stands; its table, if it is missing.
    fn place_of(&self, key: KeyPath) -> Place {
        let places = self.places.borrow();
        let offset = places.get(&key).or_else(|| places.get(&key.table.key("")));
        Place::of(self.file, self.text, offset.copied().unwrap_or(0))
    }

    /// Takes a table, refusing its first unknown key in the order of the file.
    fn section<'d>(
        &'d self,
        path: Table,
        table: &'d DeTable<'d>,
        offset: usize,
        keys: &[Key],
    ) -> Result<Section<'d>, ConfigError> {
        self.places.borrow_mut().insert(path.key(""), offset);
        let is_known = |name: &str| keys.iter().any(|key| key.name == name);
        let unknown = table.keys().filter(|key| !is_known(key.get_ref())).min_by_key(|key| key.span().start);
        let Some(key) = unknown else { return Ok(Section { document: self, path, table }) };
        let names = || keys.iter().map(|key| key.name);
        let hint = match nearest(key.get_ref(), names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the keys are {}", names().collect::<Vec<_>>().join(", ")),
        };
        Err(ConfigError::UnknownKey {
            place: Place::of(self.file, self.text, key.span().start),
            key: key.get_ref().escape_debug().to_string(),
            table: path.to_string(),
            hint,
        })
    }
}

impl<'d> Section<'d> {
    /// Reads a value over its default, if it is there.
    pub(super) fn read<T: FromToml>(&self, key: &'static str, into: &mut T) -> Result<(), ConfigError> {
        if let Some(value) = self.option(key)? {
            *into = value;
        }
        Ok(())
    }

    /// Reads a size in bytes over its default, if it is there.
    pub(super) fn read_size<T: TryFrom<u64>>(
        &self,
        key: &'static str,
        into: &mut T,
    ) -> Result<(), ConfigError> {
        if let Some(Size(bytes)) = self.option(key)? {
            *into = T::try_from(bytes).map_err(|_| {
                self.refuse(key, format!("{bytes} bytes are more than this machine can hold"))
            })?;
        }
        Ok(())
    }

    /// Reads a value that has no default.
    pub(super) fn option<T: FromToml>(&self, key: &'static str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match T::from_toml(value.get_ref()) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(problem)) => Err(self.refuse(key, problem)),
            None => {
                let found = describe(value.get_ref());
                Err(self.refuse(key, format!("expected {}, found {found}", T::EXPECTED)))
            }
        }
    }

    /// Refuses a value where it stands.
    pub(super) fn refuse(&self, key: &'static str, problem: impl Into<String>) -> ConfigError {
        let key = self.path.key(key);
        ConfigError::Value { place: self.document.place_of(key), key, problem: problem.into() }
    }

    fn value(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        let value = self.table.get(key)?;
        self.document.places.borrow_mut().insert(self.path.key(key), value.span().start);
        Some(value)
    }

    /// The table of that name, written `[name]`.
    fn one(&self, key: &'static str, path: Table, keys: &[Key]) -> Result<Option<Section<'d>>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.refuse(key, format!("expected a table, written [{key}]")));
        };
        self.document.section(path, table, value.span().start, keys).map(Some)
    }

    /// The tables of that name, written `[[name]]`.
    fn many(
        &self,
        key: &'static str,
        path: fn(usize) -> Table,
        keys: &[Key],
    ) -> Result<Vec<Section<'d>>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let refused = || self.refuse(key, format!("expected a table each, written [[{key}]]"));
        let DeValue::Array(array) = value.get_ref() else { return Err(refused()) };
        let section = |(index, value): (usize, &'d Spanned<DeValue<'d>>)| match value.get_ref() {
            DeValue::Table(table) => self.document.section(path(index), table, value.span().start, keys),
            _ => Err(refused()),
        };
        array.iter().enumerate().map(section).collect()
    }
}
