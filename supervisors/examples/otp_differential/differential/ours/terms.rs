//! Our values as Erlang writes its own.

use supervisors::supervisor::{
    ChildCounts, ChildError, ChildInfo, ChildKind, ChildPid, ChildPolicy, Restart, Shutdown, SpecError,
};
use supervisors::{CallError, ExitReason, Pid, ShutdownCause};

use super::super::case::Reason;
use super::super::erlang;

/// An error whose name is an atom.
#[derive(Debug)]
pub(super) struct Atom(pub(super) &'static str);

impl std::fmt::Display for Atom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Atom {}

pub(super) fn exit_reason(reason: Reason) -> ExitReason {
    match reason {
        Reason::Normal => ExitReason::Normal,
        Reason::Shutdown => ExitReason::Shutdown,
        Reason::ShutdownX => ExitReason::ShutdownWith(ShutdownCause::Other("x".into())),
        Reason::ShutdownAB => ExitReason::failed(Atom("{shutdown,a,b}")),
        Reason::Boom => ExitReason::failed(Atom("boom")),
        Reason::Killed => ExitReason::Killed,
        Reason::NoProc => ExitReason::NoProc,
    }
}

pub(super) fn term(reason: &ExitReason) -> String {
    match reason {
        ExitReason::ShutdownWith(ShutdownCause::FailedToStartChild { child, reason }) => {
            format!("{{shutdown,{{failed_to_start_child,{child},{}}}}}", term(reason))
        }
        ExitReason::ShutdownWith(ShutdownCause::Other(what)) => format!("{{shutdown,{what}}}"),
        ExitReason::NoProc => "noproc".to_owned(),
        ExitReason::AlreadyStarted(pid) => format!("{{already_started,#{}}}", pid.serial()),
        // Where it was raised is its stack trace.
        ExitReason::Panicked { message, .. } => format!("{{'EXIT',{{{message},stack}}}}"),
        other => other.to_string(),
    }
}

pub(super) fn refusal(error: &ChildError) -> String {
    match error {
        ChildError::Spec(SpecError::SignificantNeverShutsDown(_)) => {
            "{bad_combination,[{auto_shutdown,never},{significant,true}]}".to_owned()
        }
        ChildError::Spec(SpecError::SignificantPermanent(_)) => {
            "{bad_combination,[{restart,permanent},{significant,true}]}".to_owned()
        }
        ChildError::AlreadyStarted(pid) => format!("{{already_started,#{}}}", pid.serial()),
        ChildError::AlreadyPresent => "already_present".to_owned(),
        ChildError::NotFound => "not_found".to_owned(),
        ChildError::Running => "running".to_owned(),
        ChildError::Restarting => "restarting".to_owned(),
        ChildError::SimpleOneForOne => "simple_one_for_one".to_owned(),
        ChildError::Failed(reason) => term(reason),
        other => other.to_string(),
    }
}

/// The supervisor is not there, or ended meanwhile (OTP-045).
pub(super) fn not_answered(error: &CallError) -> String {
    match error {
        CallError::NoProc => "{exit,noproc}".to_owned(),
        CallError::Exit(reason) => format!("{{exit,{}}}", term(reason)),
        other => other.to_string(),
    }
}

pub(super) fn started(pid: Option<Pid>) -> String {
    pid.map_or_else(|| "{ok,undefined}".to_owned(), |pid| format!("{{ok,#{}}}", pid.serial()))
}

pub(super) fn ok((): ()) -> String {
    "ok".to_owned()
}

/// With so many too few that are active.
pub(super) fn counts(counts: ChildCounts, wrong: i64) -> String {
    let ChildCounts { specs, active, supervisors, workers, .. } = counts;
    let active = i64::try_from(active).expect("few children") - wrong;
    format!("[{{active,{active}}},{{specs,{specs}}},{{supervisors,{supervisors}}},{{workers,{workers}}}]")
}

pub(super) fn info(child: &ChildInfo) -> String {
    let id = child.id.as_ref().map_or("undefined", |id| id.as_str());
    format!("{{ok,{{{id},{},{}}}}}", pid(child.pid), kind(child.kind))
}

pub(super) fn spec(child: &ChildPolicy) -> String {
    let policy = policy(child.restart, child.significant, child.shutdown, child.kind);
    format!("{{ok,{{{},{policy}}}}}", child.id)
}

pub(super) fn policy(restart: Restart, significant: bool, shutdown: Shutdown, of: ChildKind) -> String {
    let shutdown = match shutdown {
        Shutdown::Brutal => "brutal_kill".to_owned(),
        Shutdown::Timeout(limit) => limit.as_millis().to_string(),
        Shutdown::Infinity => "infinity".to_owned(),
    };
    format!("{},{significant},{shutdown},{}", erlang::restart(restart), kind(of))
}

const fn kind(kind: ChildKind) -> &'static str {
    match kind {
        ChildKind::Worker => "worker",
        ChildKind::Supervisor => "supervisor",
    }
}

/// As `which_children` says it: of a restarting child only that it is.
pub(super) fn pid(pid: ChildPid) -> String {
    match pid {
        ChildPid::Undefined => "undefined".to_owned(),
        ChildPid::Running(pid) => format!("#{}", pid.serial()),
        ChildPid::Restarting(_) => "restarting".to_owned(),
    }
}

/// As a report says it: with the process it had.
pub(super) fn reported(of: ChildPid) -> String {
    match of {
        ChildPid::Restarting(Some(pid)) => format!("restarting #{}", pid.serial()),
        ChildPid::Restarting(None) => "restarting undefined".to_owned(),
        other => pid(other),
    }
}

/// The name that goes with a worker's id.
pub(super) fn registered_name(id: &str) -> String {
    format!("n_{id}")
}
