//! What a supervisor is told about itself: strategy, restart intensity, automatic shutdown.

use std::time::Duration;

use super::error::SpecError;

/// Who is restarted when a child ends and must be restarted (OTP-068 to OTP-070).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// Only the child that ended. The default.
    #[default]
    OneForOne,
    /// All children: the others are stopped in reverse start order, then all are started in order.
    OneForAll,
    /// The child that ended and those started after it.
    RestForOne,
}

/// Whether the end of a significant child ends the supervisor (OTP-119 to OTP-129).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoShutdown {
    /// Never; significant children are then refused. The default.
    #[default]
    Never,
    /// When any significant child ends for good.
    AnySignificant,
    /// When the last significant child that has a process ends for good.
    AllSignificant,
}

/// The flags of a supervisor: OTP's `sup_flags()`.
///
/// Defaults as in OTP-001: one for one, 1 restart in 5 s, no automatic shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flags {
    /// Who is restarted with whom. Default [`Strategy::OneForOne`].
    pub strategy: Strategy,
    /// Restarts allowed within `period`; one more ends the supervisor. Default 1; 0 allows none.
    pub intensity: u32,
    /// The window in which restarts are counted. Default 5 s; whole seconds, at least 1.
    pub period: Duration,
    /// Whether significant children end the supervisor. Default [`AutoShutdown::Never`].
    pub auto_shutdown: AutoShutdown,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            intensity: 1,
            period: Duration::from_secs(5),
            auto_shutdown: AutoShutdown::Never,
        }
    }
}

impl Flags {
    /// The default flags with this strategy.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, ..Self::default() }
    }

    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 1 in 5 s.
    #[must_use]
    pub const fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.intensity = intensity;
        self.period = period;
        self
    }

    /// Lets significant children end the supervisor. Default never.
    #[must_use]
    pub const fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// Refuses what OTP's `supervisor_data` errors refuse and the types do not (OTP-004).
    ///
    /// # Errors
    /// [`SpecError::InvalidPeriod`] unless the period is a positive number of whole seconds.
    pub fn check(&self) -> Result<(), SpecError> {
        check_period(self.period)
    }
}

/// The flags of a dynamic supervisor, whose strategy is always one for one and whose children are never
/// significant (OTP-191, OTP-192).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicFlags {
    /// Restarts allowed within `period`, over all children together. Default 3.
    pub intensity: u32,
    /// The window in which restarts are counted. Default 5 s; whole seconds, at least 1.
    pub period: Duration,
    /// Children at once, restarting ones included (OTP-193). Default `None`: as many as memory holds.
    pub max_children: Option<usize>,
}

impl Default for DynamicFlags {
    fn default() -> Self {
        Self { intensity: 3, period: Duration::from_secs(5), max_children: None }
    }
}

impl DynamicFlags {
    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 3 in 5 s.
    #[must_use]
    pub const fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.intensity = intensity;
        self.period = period;
        self
    }

    /// Refuses to start a child while `max_children` are present; 0 refuses all. Default: no limit.
    #[must_use]
    pub const fn max_children(mut self, max_children: usize) -> Self {
        self.max_children = Some(max_children);
        self
    }

    /// Refuses what the types do not (OTP-004).
    ///
    /// # Errors
    /// [`SpecError::InvalidPeriod`] unless the period is a positive number of whole seconds.
    pub fn check(&self) -> Result<(), SpecError> {
        check_period(self.period)
    }
}

/// OTP's period is an integer number of seconds above 0. A fraction would silently be cut off by a window that
/// counts in whole seconds, so it is refused, as OTP refuses a float.
const fn check_period(period: Duration) -> Result<(), SpecError> {
    if period.as_secs() == 0 || period.subsec_nanos() != 0 {
        return Err(SpecError::InvalidPeriod(period));
    }
    Ok(())
}
