//! Events as `tracing` has them: target `supervisors`, a level, and fields to filter by.

use tracing::{Level, debug, error, info, warn};

use super::{Event, Path, Subject};
use crate::ExitReason;
use crate::supervisor::{ChildPid, Offender, Report, Who};

/// The target of all of them.
const TARGET: &str = "supervisors";

/// Whether any `tracing` subscriber wants to hear of processes. With none, that is one load.
pub(crate) fn is_heard() -> bool {
    tracing::enabled!(target: TARGET, Level::ERROR)
}

/// Says an event. Fields: `event`, its name; `path` and `pid` of whom it is about; `reason`; `attempt`, `intensity` and
/// `period` of a restart, and `after` how many seconds of backoff; `actor`, `thread`, `lasting` (seconds), `refused`, `waiting` where they apply. The message is
/// the event's line for people.
pub(crate) fn say(event: &Event) {
    match event {
        Event::Exited { path, pid, reason } => {
            let (path, pid) = (path.to_string(), pid.to_string());
            match reason {
                ExitReason::Panicked { .. } | ExitReason::Stuck => {
                    error!(target: TARGET, event = "exited", path, pid, %reason, "{event}");
                }
                reason if reason.is_clean() => {
                    debug!(target: TARGET, event = "exited", path, pid, %reason, "{event}");
                }
                _ => warn!(target: TARGET, event = "exited", path, pid, %reason, "{event}"),
            }
        }
        Event::Report { supervisor, report } => say_report(supervisor, report, event),
        Event::Stuck { who, thread, lasting, .. } => {
            let (path, pid, actor) = fields(who);
            let lasting = lasting.as_secs_f64();
            error!(target: TARGET, event = "stuck", path, pid, actor, %thread, lasting, "{event}");
        }
        Event::Abandoned { arbiter, processes, .. } => {
            error!(target: TARGET, event = "abandoned", arbiter, processes, "{event}");
        }
        Event::CallCycle { calls } => {
            error!(target: TARGET, event = "call cycle", processes = calls.len(), "{event}");
        }
        Event::Overloaded { who, refused, waiting } => {
            let (path, pid, actor) = fields(who);
            warn!(target: TARGET, event = "overloaded", path, pid, actor, refused, waiting, "{event}");
        }
        Event::WatchdogFailed { error } => {
            error!(target: TARGET, event = "watchdog failed", %error, "{event}");
        }
        Event::Struck { path, pid, .. } => {
            let (path, pid) = (path.as_ref().map(ToString::to_string), pid.map(|pid| pid.to_string()));
            warn!(target: TARGET, event = "fault", path, pid, "{event}");
        }
    }
}

fn say_report(supervisor: &std::sync::Arc<str>, report: &Report, event: &Event) {
    let of = |child: &Offender| {
        let path = Path { supervisor: std::sync::Arc::clone(supervisor), child: child.id.clone() };
        let pid = match child.who {
            Who::Child(ChildPid::Running(pid) | ChildPid::Restarting(Some(pid))) => Some(pid.to_string()),
            _ => None,
        };
        (path.to_string(), pid)
    };
    match report {
        Report::Progress { child, requested: true } => {
            let (path, pid) = of(child);
            debug!(target: TARGET, event = "started", path, pid, "{event}");
        }
        Report::Progress { child, .. } => {
            let (path, pid) = of(child);
            info!(target: TARGET, event = "started", path, pid, "{event}");
        }
        Report::Restarting { child, attempt, after } => {
            let (path, pid) = of(child);
            let (number, intensity, period) = (attempt.number, attempt.intensity, attempt.period.as_secs());
            let after = after.as_secs_f64();
            info!(
                target: TARGET, event = "restarting", path, pid, attempt = number, intensity, period, after,
                "{event}"
            );
        }
        // Told by its exit already.
        Report::ChildTerminated { child, reason } => {
            let (path, pid) = of(child);
            debug!(target: TARGET, event = "child terminated", path, pid, %reason, "{event}");
        }
        Report::StartError { child, reason } => {
            let (path, pid) = of(child);
            error!(target: TARGET, event = "start failed", path, pid, %reason, "{event}");
        }
        Report::ShutdownError { child, reason } => {
            let (path, pid) = of(child);
            warn!(target: TARGET, event = "shutdown failed", path, pid, %reason, "{event}");
        }
        Report::ReachedMaxIntensity { child } => {
            let (path, pid) = of(child);
            error!(target: TARGET, event = "gave up", path, pid, "{event}");
        }
    }
}

fn fields(who: &Subject) -> (Option<String>, Option<String>, Option<&'static str>) {
    (who.path.as_ref().map(ToString::to_string), who.pid.map(|pid| pid.to_string()), who.actor)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use crate::supervisor::{ChildSpec, Supervisor};
    use crate::{Node, Ref};

    struct Idle;

    impl actix::Actor for Idle {
        type Context = actix::Context<Self>;
    }

    type Fields = BTreeMap<String, String>;

    /// Keeps the fields of each event.
    #[derive(Clone, Default)]
    struct Notebook(Arc<Mutex<Vec<Fields>>>);

    struct Page<'a>(&'a mut Fields);

    impl Visit for Page<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
        }
    }

    impl Subscriber for Notebook {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == super::TARGET
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields::new();
            event.record(&mut Page(&mut fields));
            fields.insert("level".to_owned(), event.metadata().level().to_string());
            self.0.lock().push(fields);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// What is said of the life of a child that is killed once.
    fn story(node: &Node) -> Vec<Fields> {
        let notebook = Notebook::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let play = async {
            let spec = ChildSpec::new("idle", || Idle);
            let child: Ref<Idle> = spec.reference();
            let _root = Supervisor::new("root").child(spec).start(node).await.expect("it starts");
            let process = child.process().expect("it runs");
            process.kill();
            process.exited().await;
            while child.process().is_none_or(|now| now == process) {
                tokio::task::yield_now().await;
            }
        };
        tracing::subscriber::with_default(notebook.clone(), || {
            tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), play);
        });
        std::mem::take(&mut *notebook.0.lock())
    }

    #[test]
    fn the_life_of_a_child_is_told_in_fields_to_filter_by() {
        let told = story(&Node::builder().seed(1).build());
        let of = |event: &str| {
            let found = told.iter().find(|fields| fields.get("event").is_some_and(|it| it == event));
            found.unwrap_or_else(|| panic!("no {event} in {told:#?}"))
        };
        let (exited, restarting) = (of("exited"), of("restarting"));
        assert_eq!((&*of("started")["path"], &*of("started")["level"]), ("idle", "INFO"));
        assert_eq!((&*exited["path"], &*exited["reason"], &*exited["level"]), ("idle", "killed", "WARN"));
        assert_eq!(
            (&*restarting["attempt"], &*restarting["intensity"], &*restarting["period"]),
            ("1", "1", "5")
        );
        assert_eq!(of("started").get("pid"), exited.get("pid"));
        assert!(restarting["message"].contains("restarting idle, attempt 1 of 1 in 5s"), "{restarting:?}");
    }

    #[test]
    fn a_node_that_is_told_not_to_says_nothing() {
        assert_eq!(story(&Node::builder().seed(1).tracing(false).build()), Vec::<Fields>::new());
    }
}
