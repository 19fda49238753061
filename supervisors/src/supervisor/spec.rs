//! What a supervisor is told about a child, apart from how to start it.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::Backoff;
use super::error::SpecError;
use super::flags::AutoShutdown;

/// The name of a child within its supervisor. Cloning costs a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChildId(Arc<str>);

impl ChildId {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ChildId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for ChildId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<Arc<str>> for ChildId {
    fn from(id: Arc<str>) -> Self {
        Self(id)
    }
}

impl From<ChildId> for Arc<str> {
    fn from(id: ChildId) -> Self {
        id.0
    }
}

impl Borrow<str> for ChildId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Which ends of a child are followed by a restart (OTP-062 to OTP-065).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restart {
    /// Every end. The default.
    #[default]
    Permanent,
    /// Every end but `normal`, `shutdown` and `{shutdown, _}`.
    Transient,
    /// None; the child's spec disappears with its process.
    Temporary,
}

/// How a child is stopped (OTP-096 to OTP-099).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shutdown {
    /// It is killed at once.
    Brutal,
    /// It is asked to shut down, and killed if it has not ended within this time. 0 kills right after asking.
    Timeout(Duration),
    /// It is asked to shut down and awaited for as long as it takes.
    Infinity,
}

/// Whether a child is itself a supervisor. It decides the default [`Shutdown`] and what is counted where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChildKind {
    /// A process that works. The default.
    #[default]
    Worker,
    /// A process that supervises others.
    Supervisor,
}

/// A child spec without its start function: OTP's `child_spec()` minus `start` and `modules`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildPolicy {
    /// The child's name, unique within a static supervisor, ignored by a dynamic one.
    pub id: ChildId,
    /// When it is restarted. Default [`Restart::Permanent`].
    pub restart: Restart,
    /// Whether its end counts for [`AutoShutdown`]. Default no.
    pub significant: bool,
    /// How it is stopped. Default 5 s for a worker, infinity for a supervisor (OTP-002).
    pub shutdown: Shutdown,
    /// What it is. Set by the constructor.
    pub kind: ChildKind,
    /// How long it waits before it is restarted. Default not at all, as in OTP.
    pub backoff: Option<Arc<Backoff>>,
}

impl ChildPolicy {
    /// A permanent worker that has 5 s to shut down.
    pub fn worker(id: impl Into<ChildId>) -> Self {
        Self {
            id: id.into(),
            restart: Restart::Permanent,
            significant: false,
            shutdown: Shutdown::Timeout(Duration::from_secs(5)),
            kind: ChildKind::Worker,
            backoff: None,
        }
    }

    /// A permanent supervisor that has all the time it needs to shut down: killed midway, it would leave
    /// grandchildren stopping on their own (OTP-138).
    pub fn supervisor(id: impl Into<ChildId>) -> Self {
        Self { shutdown: Shutdown::Infinity, kind: ChildKind::Supervisor, ..Self::worker(id) }
    }

    /// Sets when it is restarted. Default [`Restart::Permanent`].
    #[must_use]
    pub const fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Makes its end count for [`AutoShutdown`].
    #[must_use]
    pub const fn significant(mut self) -> Self {
        self.significant = true;
        self
    }

    /// Sets how it is stopped; every value is legal for either kind (OTP-008). Default 5 s for a worker, infinity for a
    /// supervisor.
    #[must_use]
    pub const fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Lets it wait before it is restarted.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(Arc::new(backoff));
        self
    }

    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self.restart, Restart::Temporary)
    }

    pub(crate) const fn is_permanent(&self) -> bool {
        matches!(self.restart, Restart::Permanent)
    }

    /// Whether a supervisor with this automatic shutdown takes the child; `None` asks only what no supervisor
    /// would take. `Never` with a significant child is named first (OTP-009).
    pub(crate) fn check(&self, auto_shutdown: Option<AutoShutdown>) -> Result<(), SpecError> {
        if self.backoff.as_ref().is_some_and(|backoff| !backoff.is_valid()) {
            return Err(SpecError::InvalidBackoff(self.id.clone()));
        }
        if !self.significant {
            return Ok(());
        }
        if auto_shutdown == Some(AutoShutdown::Never) {
            return Err(SpecError::SignificantNeverShutsDown(self.id.clone()));
        }
        if self.is_permanent() {
            return Err(SpecError::SignificantPermanent(self.id.clone()));
        }
        Ok(())
    }
}

/// Checks specs as a supervisor would before it starts the first child: OTP's `check_childspecs/1,2`
/// (OTP-009 to OTP-013). Without `auto_shutdown`, significant children pass unless they are permanent.
///
/// # Errors
/// The first spec at fault is named, be it for a combination or for an id used before.
pub fn check_child_specs<'a>(
    specs: impl IntoIterator<Item = &'a ChildPolicy>,
    auto_shutdown: Option<AutoShutdown>,
) -> Result<(), SpecError> {
    let mut ids = BTreeSet::new();
    for spec in specs {
        spec.check(auto_shutdown)?;
        if !ids.insert(&spec.id) {
            return Err(SpecError::DuplicateChildId(spec.id.clone()));
        }
    }
    Ok(())
}
