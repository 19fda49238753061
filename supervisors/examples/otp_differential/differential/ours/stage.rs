//! What the driver and the players share: the trace, who runs, the clock, the release that is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix::Recipient;
use parking_lot::Mutex;
use supervisors::supervisor::{ChildError, ChildInfo, ChildKind, ChildPid, ChildRef, Report, Who};
use supervisors::{Event, Pid, Process, this_process};
use tokio::sync::Notify;

use super::super::case::{Call, Case, Reason, Step, What};
use super::super::releases;
use super::{Handle, Leave, Trace, players, terms};

pub(super) struct Stage {
    lines: Mutex<Vec<Line>>,
    starts: Mutex<BTreeMap<String, usize>>,
    /// The process that was started last under an id.
    lives: Mutex<BTreeMap<String, Life>>,
    /// The id of every child there was and of its supervisor, by the number of its process.
    children: Mutex<BTreeMap<u64, (String, String)>>,
    sups: Mutex<BTreeMap<String, Handle>>,
    /// Supervisors whose end was not told yet, by the number of their process.
    watched: Mutex<BTreeMap<u64, (String, Process)>>,
    /// Restarting children that were stopped by request, of supervisors of templates.
    miscounted: Mutex<BTreeMap<u64, i64>>,
    gate: Mutex<Option<Arc<Gate>>>,
    /// Ids of those whose starts may have to wait.
    waiting: BTreeSet<String>,
    root: Mutex<Option<Process>>,
    adapted: Mutex<Vec<u32>>,
    pub(super) clock: AtomicU64,
    release: u32,
}

enum Line {
    Said(String),
    /// The reason is there when all is over.
    Died(String, Process),
}

/// One life of a worker.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) process: Process,
    pub(super) mail: Recipient<Leave>,
    pub(super) under: String,
    pub(super) unlinked: bool,
}

impl Life {
    pub(super) async fn leave(&self, reason: Reason) {
        self.mail.do_send(Leave(reason));
        self.process.exited().await;
    }
}

/// Where the next start of one child waits.
pub(super) struct Gate {
    id: String,
    /// The supervisor that starts the child.
    sup: Pid,
    waited_at: AtomicBool,
    opened: Notify,
}

impl Gate {
    pub(super) async fn pass(&self) {
        self.waited_at.store(true, Ordering::Relaxed);
        self.opened.notified().await;
    }

    pub(super) fn is_waited_at(&self) -> bool {
        self.waited_at.load(Ordering::Relaxed)
    }

    pub(super) fn open(&self) {
        self.opened.notify_one();
    }
}

impl Stage {
    pub(super) fn new(case: &Case, release: u32) -> Arc<Self> {
        let waiting = case.script.iter().filter_map(|step| match step {
            Step::Retry(_, id, _) => Some(id.clone()),
            _ => None,
        });
        Arc::new(Self {
            lines: Mutex::default(),
            starts: Mutex::default(),
            lives: Mutex::default(),
            children: Mutex::default(),
            sups: Mutex::default(),
            watched: Mutex::default(),
            miscounted: Mutex::default(),
            gate: Mutex::default(),
            waiting: waiting.collect(),
            root: Mutex::default(),
            adapted: Mutex::default(),
            clock: AtomicU64::new(0),
            release,
        })
    }

    /// The root may have ended again by the time its start is over: its process is seen while it starts a child.
    pub(super) fn starts_in(&self, under: &str) {
        if under == "root" {
            *self.root.lock() = this_process();
        }
    }

    pub(super) fn root(&self) -> Process {
        let seen = self.root.lock().clone();
        seen.or_else(|| self.sup("root")?.process()).expect("one without workers does not end by itself")
    }

    pub(super) fn waits(&self, id: &str) -> bool {
        self.waiting.contains(id)
    }

    /// Lets go of what would keep itself alive.
    pub(super) fn forget(&self) {
        self.lives.lock().clear();
        self.sups.lock().clear();
        self.watched.lock().clear();
        self.root.lock().take();
    }

    pub(super) fn say(&self, line: String) {
        self.lines.lock().push(Line::Said(line));
    }

    pub(super) fn trace(&self) -> Trace {
        let lines = std::mem::take(&mut *self.lines.lock());
        let lines = lines.into_iter().map(|line| match line {
            Line::Said(line) => line,
            Line::Died(id, process) => obituary(&id, &process),
        });
        Trace { lines: lines.collect(), adapted: std::mem::take(&mut self.adapted.lock()) }
    }

    /// Whether the release that is followed does not know our rule yet, noted down.
    pub(super) fn follows_otp(&self, rule: u32) -> bool {
        let older = releases::is_older(self.release, rule);
        if older {
            self.adapted.lock().push(rule);
        }
        older
    }

    /// How many starts there were under this id before.
    pub(super) fn count_start(&self, id: &str) -> usize {
        let mut starts = self.starts.lock();
        let count = starts.entry(id.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    pub(super) fn began(&self, id: &str, life: Life) {
        self.say(format!("start {id}: #{}", life.process.pid().serial()));
        self.children.lock().insert(life.process.pid().serial(), (id.to_owned(), life.under.clone()));
        self.lives.lock().insert(id.to_owned(), life);
    }

    pub(super) fn died(&self, id: &str, process: Process) {
        self.lines.lock().push(Line::Died(id.to_owned(), process));
    }

    pub(super) fn life(&self, id: &str) -> Option<Life> {
        self.lives.lock().get(id).filter(|life| life.process.is_alive()).cloned()
    }

    pub(super) fn child_of(&self, id: &str, sup: &str) -> Option<Life> {
        self.life(id).filter(|life| life.under == sup && !life.unlinked)
    }

    pub(super) fn sup(&self, id: &str) -> Option<Handle> {
        self.sups.lock().get(id).cloned()
    }

    pub(super) fn add_sup(&self, id: &str, handle: Handle) {
        self.sups.lock().insert(id.to_owned(), handle);
    }

    pub(super) fn watch(&self, id: &str, process: &Process) {
        self.watched.lock().insert(process.pid().serial(), (id.to_owned(), process.clone()));
    }

    /// Writes down which supervisors died, in the order they were started.
    pub(super) fn bury(&self) {
        let mut watched = self.watched.lock();
        for (id, process) in watched.values().filter(|(_, process)| !process.is_alive()) {
            self.say(obituary(id, process));
        }
        watched.retain(|_, (_, process)| process.is_alive());
    }

    /// The next start of this child waits.
    pub(super) fn shut_gate(&self, id: &str, sup: Pid) -> Arc<Gate> {
        let waited_at = AtomicBool::new(false);
        let gate = Arc::new(Gate { id: id.to_owned(), sup, waited_at, opened: Notify::new() });
        *self.gate.lock() = Some(Arc::clone(&gate));
        gate
    }

    pub(super) fn take_gate(&self) {
        self.gate.lock().take();
    }

    pub(super) fn gate_of(&self, id: &str) -> Option<Arc<Gate>> {
        let here = this_process().map(|process| process.pid());
        let mut gate = self.gate.lock();
        gate.take_if(|gate| gate.id == id && Some(gate.sup) == here)
    }

    pub(super) fn hear(&self, event: &Event) {
        let Event::Report { supervisor, report } = event else { return };
        let supervisor = supervisor.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or("root");
        let (context, reason, child) = match report {
            Report::Progress { child, requested } => {
                if child.kind == ChildKind::Supervisor
                    && let Some(process) = self.sup(child.id.as_str()).and_then(|sup| sup.process())
                {
                    self.watch(child.id.as_str(), &process);
                    let child = (child.id.to_string(), supervisor.to_owned());
                    self.children.lock().insert(process.pid().serial(), child);
                }
                // OTP-145: we tell of a requested start, too, and say that it was one; at which level is for whoever
                // writes it down.
                if *requested && !self.follows_otp(145) {
                    return;
                }
                ("progress", None, child)
            }
            Report::ChildTerminated { child, reason } => {
                ("child_terminated", Some(terms::term(reason)), child)
            }
            Report::StartError { child, reason } => ("start_error", Some(terms::term(reason)), child),
            Report::ShutdownError { child, reason } => ("shutdown_error", Some(terms::term(reason)), child),
            Report::ReachedMaxIntensity { child } => {
                ("shutdown", Some("reached_max_restart_intensity".to_owned()), child)
            }
            _ => return,
        };
        let reason = reason.map(|reason| format!("{reason} ")).unwrap_or_default();
        let who = match child.who {
            Who::Child(pid) => terms::reported(pid),
            Who::Count(count) => count.to_string(),
        };
        let policy = terms::policy(child.restart, child.significant, child.shutdown, child.kind);
        self.say(format!("report {supervisor} {context} {reason}{} {who} {policy}", child.id));
    }

    /// Asks a supervisor, and gives the answer as Erlang writes it.
    pub(super) async fn ask(self: &Arc<Self>, call: &Call) -> String {
        let Some(sup) = self.sup(call.sup()) else { return "no".to_owned() };
        let answer = match sup {
            Handle::Static(sup) => self.ask_static(&sup, call).await,
            Handle::Template(sup) => self.ask_template(&sup, call).await,
        };
        answer.unwrap_or_else(|error| self.error(&error, call))
    }

    async fn ask_static(
        self: &Arc<Self>,
        sup: &supervisors::supervisor::SupervisorRef,
        call: &Call,
    ) -> Result<String, ChildError> {
        Ok(match call {
            Call::Start(under, kid) => {
                if let What::Supervisor(_) = kid.what {
                    assert!(self.sup(kid.id()).is_none(), "a supervisor is added once");
                }
                terms::started(sup.start_child(players::child(kid, under, self)).await?)
            }
            Call::Add(_, _) => "not_for_this_tree".to_owned(),
            Call::Terminate(_, id) => sup.terminate_child(id.as_str()).await.map(terms::ok)?,
            Call::TerminatePid(_, id) => sup.terminate_child(self.last(id)).await.map(terms::ok)?,
            Call::Restart(_, id) => terms::started(sup.restart_child(id.as_str()).await?),
            Call::Delete(_, id) => sup.delete_child(id.as_str()).await.map(terms::ok)?,
            Call::Count(_) => terms::counts(sup.count_children().await?, 0),
            Call::Which(_, id) => {
                // OTP-057: the older releases do not have it.
                if self.follows_otp(57) {
                    return Ok("{exit,undef}".to_owned());
                }
                terms::info(&sup.which_child(id.as_str()).await?)
            }
            Call::Spec(_, id) => terms::spec(sup.get_child_spec(id.as_str()).await?.policy()),
            Call::SpecPid(_, id) => terms::spec(sup.get_child_spec(self.last(id)).await?.policy()),
        })
    }

    async fn ask_template(
        &self,
        sup: &supervisors::supervisor::TemplateRef<String, supervisors::Ref<super::Worker>>,
        call: &Call,
    ) -> Result<String, ChildError> {
        Ok(match call {
            Call::Start(_, _) => "not_for_this_tree".to_owned(),
            Call::Add(_, label) => {
                terms::started(sup.start_child(label.clone()).await?.map(|child| child.pid))
            }
            Call::Terminate(_, id) => sup.terminate_child(id.as_str()).await.map(terms::ok)?,
            Call::TerminatePid(_, id) => {
                let child = self.last(id);
                // One behind the other in the mailbox.
                let (before, answer) = tokio::join!(sup.which_children(), sup.terminate_child(child.clone()));
                let restarting = |it: &ChildInfo| match (it.pid, &child) {
                    (ChildPid::Restarting(Some(pid)), ChildRef::Process(process)) => process.pid() == pid,
                    _ => false,
                };
                if answer.is_ok() && before.is_ok_and(|children| children.iter().any(restarting)) {
                    *self.miscounted.lock().entry(self.serial(call.sup())).or_default() += 1;
                }
                answer.map(terms::ok)?
            }
            Call::Restart(_, id) => terms::started(sup.restart_child(id.as_str()).await?),
            Call::Delete(_, id) => sup.delete_child(id.as_str()).await.map(terms::ok)?,
            Call::Count(_) => {
                let counts = sup.count_children().await?;
                let miscounted = self.miscounted.lock().get(&self.serial(call.sup())).copied().unwrap_or(0);
                // OTP-059: no release forgets them yet.
                let wrong = if miscounted > 0 && self.follows_otp(59) { miscounted } else { 0 };
                terms::counts(counts, wrong)
            }
            Call::Which(_, id) => {
                if self.follows_otp(57) {
                    return Ok("{exit,undef}".to_owned());
                }
                terms::info(&sup.which_child(ChildRef::Id(id.as_str().into())).await?)
            }
            Call::Spec(_, id) => terms::spec(&sup.get_child_spec(id.as_str()).await?),
            Call::SpecPid(_, id) => terms::spec(&sup.get_child_spec(self.last(id)).await?),
        })
    }

    fn serial(&self, sup: &str) -> u64 {
        self.sup(sup).and_then(|sup| sup.process()).map_or(0, |process| process.pid().serial())
    }

    /// The process that ran last under an id; if none did, the atom `undefined`.
    fn last(&self, id: &str) -> ChildRef {
        let process = match self.lives.lock().get(id) {
            Some(life) => Some(life.process.clone()),
            None => self.sup(id).and_then(|sup| sup.process()),
        };
        process.map_or_else(|| ChildRef::Id("undefined".into()), |process| ChildRef::from(&process))
    }

    /// What is refused, as the release says it.
    fn error(&self, error: &ChildError, call: &Call) -> String {
        let started = matches!(call, Call::Start(..)).then(|| call.child()).flatten();
        match (error, started) {
            (ChildError::Supervisor(error), _) => terms::not_answered(error),
            // OTP-039: with the child's record.
            (ChildError::Failed(reason), Some(id)) => {
                format!("{{error,{{{},{{child,{id}}}}}}}", terms::term(reason))
            }
            // OTP-040: held by another than the child itself.
            (ChildError::AlreadyStarted(pid), Some(id)) => {
                let started = format!("{{already_started,#{}}}", pid.serial());
                let children = self.children.lock();
                let own = children.get(&pid.serial()).is_some_and(|(child, _)| child == id)
                    && children.get(&pid.serial()).is_some_and(|(_, under)| under == call.sup());
                if !own && self.follows_otp(40) {
                    return format!("{{error,{{{started},{{child,{id}}}}}}}");
                }
                format!("{{error,{started}}}")
            }
            (error, _) => format!("{{error,{}}}", terms::refusal(error)),
        }
    }
}

fn obituary(id: &str, process: &Process) -> String {
    let reason = process.exit_reason().map_or_else(|| "alive".to_owned(), |reason| terms::term(&reason));
    format!("died {id} #{}: {reason}", process.pid().serial())
}
