//! Faults for the tests to find: each breaks one rule of the conformance list. Without the feature `planted` none can be
//! planted, and asking costs nothing.

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(
    not(feature = "planted"),
    expect(unreachable_pub, reason = "it is seen from outside with the feature")
)]
pub enum Fault {
    /// OTP-049: a retry is tried though its child was stopped.
    RetriesTheStopped,
    /// OTP-039: a start by request that fails is reported.
    ReportsAnsweredStarts,
    /// OTP-048: a temporary child that ended stays known.
    KeepsTheTemporary,
    /// OTP-052: a restart by request that fails is tried again.
    RetriesRequests,
    /// OTP-063: a transient child that ends with `{shutdown, _}` is restarted.
    RestartsAfterShutdownWith,
    /// OTP-070: rest for one takes the older children, too.
    TakesTheOlder,
    /// OTP-079: one restart more than the intensity is allowed.
    AllowsOneMore,
    /// OTP-081: a restart exactly one period old is not counted.
    ForgetsAtTheBorder,
    /// OTP-092: the retry of a failed sibling begins with the child that had ended.
    RetriesFromTheOrigin,
    /// OTP-101: that a permanent child ends well when it is stopped, is not reported.
    LetsThePermanentEndWell,
    /// OTP-113: a living stranger is as good as stopped to the supervisor of a template.
    TakesStrangersForDead,
    /// OTP-123: a significant child that is stopped by request ends its supervisor.
    StopsWithTheStopped,
}

/// All of them.
#[cfg(feature = "planted")]
pub const FAULTS: [Fault; 12] = [
    Fault::RetriesTheStopped,
    Fault::ReportsAnsweredStarts,
    Fault::KeepsTheTemporary,
    Fault::RetriesRequests,
    Fault::RestartsAfterShutdownWith,
    Fault::TakesTheOlder,
    Fault::AllowsOneMore,
    Fault::ForgetsAtTheBorder,
    Fault::RetriesFromTheOrigin,
    Fault::LetsThePermanentEndWell,
    Fault::TakesStrangersForDead,
    Fault::StopsWithTheStopped,
];

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Runs `test` with a fault in all supervisors of this thread.
#[cfg(feature = "planted")]
pub fn with<T>(fault: Fault, test: impl FnOnce() -> T) -> T {
    struct PullUp;
    impl Drop for PullUp {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
    PLANTED.set(Some(fault));
    let _pull_up = PullUp;
    test()
}

#[cfg(feature = "planted")]
pub(super) fn is(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

#[cfg(not(feature = "planted"))]
pub(super) const fn is(_: Fault) -> bool {
    false
}
