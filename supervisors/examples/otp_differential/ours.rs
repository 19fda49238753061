//! Our side: the same case on running actors, written down in the same words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message, Running};
use parking_lot::Mutex;
use supervisors::supervisor::{
    Child, ChildError, ChildPid, ChildSpec, Report, Shutdown, SpecError, StartError, Supervisor,
    SupervisorRef, Who,
};
use supervisors::{
    ContextExt, Down, Event, Exit, ExitReason, Node, Process, Ref, ShutdownCause, this_process,
};
use tokio::task::LocalSet;

use super::case::{Behaviour, Case, Kid, Reason, Start, Step, Stop, Sup, What};

/// Runs a case as the given release of OTP would, where releases differ.
pub(crate) fn run(case: &Case, release: u32) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, Rig::run(case, release))
}

/// What both the driver and the workers see.
#[derive(Default)]
struct Shared {
    trace: Mutex<Vec<String>>,
    starts: Mutex<BTreeMap<String, usize>>,
    /// The process that was started last under an id.
    latest: Mutex<BTreeMap<String, (Process, Ref<Worker>)>>,
    deaths: Mutex<Vec<(u64, String, ExitReason)>>,
    names: Mutex<BTreeMap<u64, String>>,
    clock: AtomicU64,
}

struct Rig {
    shared: Arc<Shared>,
    collector: Ref<Collector>,
    supervisors: BTreeMap<String, SupervisorRef>,
    root: SupervisorRef,
    process: Process,
}

impl Rig {
    async fn run(case: &Case, release: u32) -> Vec<String> {
        let shared = Arc::<Shared>::default();
        let (events, clock) = (Arc::clone(&shared), Arc::clone(&shared));
        let node = Node::builder()
            .seed(0)
            .clock(move || Duration::from_millis(clock.clock.load(Ordering::Relaxed)))
            .on_event(move |_, event| events.hear(&event, release))
            .build();
        // A node of its own, so that the pids of the tree count from 1.
        let collector = Node::new().spawn(Collector(Arc::clone(&shared)));
        let mut supervisors = BTreeMap::new();
        let root = build(&case.root, &shared, &collector, &mut supervisors);
        match root.start(&node).await {
            Err(reason) => {
                shared.say(format!("start -> {{error,{}}}", term(&reason)));
                tokio::time::sleep(LONG).await;
                shared.bury();
            }
            Ok(root) => {
                shared.say("start -> ok".to_owned());
                let process = root.process().expect("it has just started");
                let rig = Self { shared: Arc::clone(&shared), collector, supervisors, root, process };
                rig.settle().await;
                for step in &case.script {
                    if rig.process.is_alive() {
                        rig.shared.say(format!("> {step}"));
                        rig.step(step).await;
                        rig.settle().await;
                    }
                }
                if rig.process.is_alive() {
                    rig.shared.say("> end".to_owned());
                    rig.process.stop();
                    rig.process.exited().await;
                }
                rig.shared.bury();
            }
        }
        std::mem::take(&mut shared.trace.lock())
    }

    async fn step(&self, step: &Step) {
        match step {
            Step::Advance(millis) => {
                self.shared.clock.fetch_add(*millis, Ordering::Relaxed);
            }
            Step::Exit(id, reason) => match self.shared.find(id) {
                Some((process, worker)) => {
                    worker.cast(Leave(*reason));
                    process.exited().await;
                }
                None => self.shared.say(format!("= no {id}")),
            },
            Step::Kill(id) => match self.find(id) {
                Some(process) => {
                    process.kill();
                    process.exited().await;
                }
                None => self.shared.say(format!("= no {id}")),
            },
            Step::Start(sup, kid) => {
                if let Some(sup) = self.sup(sup) {
                    let child = child(kid, &self.shared, &self.collector, &mut BTreeMap::new());
                    self.answer(&sup.start_child(child).await.map(|pid| match pid {
                        Some(pid) => format!("{{ok,#{}}}", pid.serial()),
                        None => "{ok,undefined}".to_owned(),
                    }));
                }
            }
            Step::Terminate(sup, id) => {
                if let Some(sup) = self.sup(sup) {
                    self.answer(&sup.terminate_child(id.as_str()).await.map(|()| "ok".to_owned()));
                }
            }
            Step::Restart(sup, id) => {
                if let Some(sup) = self.sup(sup) {
                    self.answer(&sup.restart_child(id.as_str()).await.map(|pid| match pid {
                        Some(pid) => format!("{{ok,#{}}}", pid.serial()),
                        None => "{ok,undefined}".to_owned(),
                    }));
                }
            }
            Step::Delete(sup, id) => {
                if let Some(sup) = self.sup(sup) {
                    self.answer(&sup.delete_child(id.as_str()).await.map(|()| "ok".to_owned()));
                }
            }
            Step::Count(sup) => {
                if let Some(sup) = self.sup(sup) {
                    self.answer(&sup.count_children().await.map(|it| {
                        format!(
                            "[{{active,{}}},{{specs,{}}},{{supervisors,{}}},{{workers,{}}}]",
                            it.active, it.specs, it.supervisors, it.workers
                        )
                    }));
                }
            }
        }
    }

    fn answer(&self, answer: &Result<String, ChildError>) {
        self.shared.say(match answer {
            Ok(text) => format!("= {text}"),
            Err(error) => format!("= {{error,{}}}", error_term(error)),
        });
    }

    fn sup(&self, id: &str) -> Option<&SupervisorRef> {
        let found = if id == "root" { Some(&self.root) } else { self.supervisors.get(id) };
        let found = found.filter(|sup| sup.process().is_some());
        if found.is_none() {
            self.shared.say(format!("= no {id}"));
        }
        found
    }

    fn find(&self, id: &str) -> Option<Process> {
        match self.supervisors.get(id) {
            Some(sup) => sup.process(),
            None => self.shared.find(id).map(|(process, _)| process),
        }
    }

    /// Time passes only when everybody sleeps: after this, whatever was under way is done.
    async fn settle(&self) {
        tokio::time::sleep(LONG).await;
        self.shared.bury();
        if let Some(reason) = self.process.exit_reason() {
            return self.shared.say(format!("root is dead: {}", term(&reason)));
        }
        let mut todo = vec![("root".to_owned(), self.root.clone())];
        while let Some((id, sup)) = todo.pop() {
            let children = sup.which_children().await.expect("it lives");
            let names = children.iter().map(|child| {
                let id = child.id.as_ref().expect("a static child has an id");
                format!("{id}={}", pid_term(child.pid))
            });
            self.shared.say(format!("  {id}: {}", names.collect::<Vec<_>>().join(" ")));
            // The oldest is looked into first.
            for child in children {
                let id = child.id.expect("a static child has an id").to_string();
                if let (Some(sup), Some(_)) = (self.supervisors.get(&id), child.pid.running()) {
                    todo.push((id, sup.clone()));
                }
            }
        }
    }
}

/// Longer than any shutdown takes.
const LONG: Duration = Duration::from_secs(100);

impl Shared {
    fn say(&self, line: String) {
        self.trace.lock().push(line);
    }

    fn find(&self, id: &str) -> Option<(Process, Ref<Worker>)> {
        self.latest.lock().get(id).filter(|(process, _)| process.is_alive()).cloned()
    }

    /// Writes down who died, in the order they were started.
    fn bury(&self) {
        let mut deaths = std::mem::take(&mut *self.deaths.lock());
        deaths.sort_by_key(|(serial, _, _)| *serial);
        for (serial, id, reason) in deaths {
            self.say(format!("died {id} #{serial}: {}", term(&reason)));
        }
    }

    fn hear(&self, event: &Event, release: u32) {
        let Event::Report { supervisor, report } = event else { return };
        let supervisor = supervisor.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or("root");
        let line = match report {
            // OTP-145: the newest releases tell of a requested start only at debug level.
            Report::Progress { requested: true, .. } if release >= 28 => return,
            Report::Progress { child, .. } => format!("progress {} {}", child.id, who_term(child.who)),
            Report::ChildTerminated { child, reason } => {
                format!("child_terminated {} {} {}", term(reason), child.id, who_term(child.who))
            }
            Report::StartError { child, reason } => {
                format!("start_error {} {} {}", term(reason), child.id, who_term(child.who))
            }
            Report::ShutdownError { child, reason } => {
                format!("shutdown_error {} {} {}", term(reason), child.id, who_term(child.who))
            }
            Report::ReachedMaxIntensity { child } => {
                format!("shutdown reached_max_restart_intensity {} {}", child.id, who_term(child.who))
            }
            _ => return,
        };
        self.say(format!("report {supervisor} {line}"));
    }
}

fn build(
    sup: &Sup,
    shared: &Arc<Shared>,
    collector: &Ref<Collector>,
    refs: &mut BTreeMap<String, SupervisorRef>,
) -> Supervisor {
    let mut built = Supervisor::new(sup.id.as_str())
        .strategy(sup.strategy)
        .intensity(sup.intensity, Duration::from_secs(sup.period))
        .auto_shutdown(sup.auto);
    for kid in &sup.children {
        built = built.child(child(kid, shared, collector, refs));
    }
    built
}

fn child(
    kid: &Kid,
    shared: &Arc<Shared>,
    collector: &Ref<Collector>,
    refs: &mut BTreeMap<String, SupervisorRef>,
) -> Child {
    let shutdown = match kid.shutdown {
        Stop::Brutal => Shutdown::Brutal,
        Stop::Millis(millis) => Shutdown::Timeout(Duration::from_millis(millis)),
        Stop::Infinity => Shutdown::Infinity,
    };
    match &kid.what {
        What::Supervisor(sup) => {
            let mut built = build(sup, shared, collector, refs).restart(kid.restart).shutdown(shutdown);
            if kid.significant {
                built = built.significant();
            }
            refs.insert(sup.id.clone(), built.reference());
            built.into()
        }
        What::Worker { id, behaviour, starts } => {
            let (name, behaviour, starts) = (id.clone(), *behaviour, starts.clone());
            let (shared, collector) = (Arc::clone(shared), collector.clone());
            let own: Arc<Mutex<Option<Ref<Worker>>>> = Arc::default();
            let me = Arc::clone(&own);
            let mut spec = ChildSpec::fallible(id.as_str(), move || {
                let number = {
                    let mut counts = shared.starts.lock();
                    let count = counts.entry(name.clone()).or_default();
                    *count += 1;
                    *count - 1
                };
                match starts.get(number).copied().unwrap_or(Start::Ok) {
                    Start::Ok => {}
                    Start::Ignore => {
                        shared.say(format!("start {name}: ignore"));
                        return Err(StartError::Ignore);
                    }
                    Start::Fails(reason) => {
                        shared.say(format!("start {name}: {reason}"));
                        return Err(StartError::Failed(exit_reason(reason)));
                    }
                }
                Ok(Worker {
                    id: name.clone(),
                    behaviour,
                    shared: Arc::clone(&shared),
                    collector: collector.clone(),
                    me: me.lock().clone().expect("the spec is finished"),
                    leaving: false,
                })
            })
            .restart(kid.restart)
            .shutdown(shutdown);
            if kid.significant {
                spec = spec.significant();
            }
            *own.lock() = Some(spec.reference());
            spec.into()
        }
    }
}

/// Hears of every death.
struct Collector(Arc<Shared>);

impl Actor for Collector {
    type Context = Context<Self>;
}

impl Handler<Down> for Collector {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        let serial = down.pid.serial();
        let name = self.0.names.lock().get(&serial).cloned().unwrap_or_default();
        self.0.deaths.lock().push((serial, name, down.reason));
    }
}

struct Worker {
    id: String,
    behaviour: Behaviour,
    shared: Arc<Shared>,
    collector: Ref<Collector>,
    me: Ref<Worker>,
    leaving: bool,
}

/// Told to end by itself.
#[derive(Message)]
#[rtype(result = "()")]
struct Leave(Reason);

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let process = this_process().expect("an actor starts in a process");
        let serial = process.pid().serial();
        self.shared.say(format!("start {}: #{serial}", self.id));
        self.shared.names.lock().insert(serial, self.id.clone());
        process.monitor(&self.collector);
        self.shared.latest.lock().insert(self.id.clone(), (process, self.me.clone()));
        ctx.trap_exit(self.behaviour != Behaviour::Plain);
    }

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        if self.leaving || self.behaviour == Behaviour::Plain {
            return Running::Stop;
        }
        let asked = ctx.stop_reason().unwrap_or(ExitReason::Normal);
        self.shared.say(format!("asked {}: {}", self.id, term(&asked)));
        match self.behaviour {
            Behaviour::Plain | Behaviour::Obedient => Running::Stop,
            Behaviour::Stubborn => Running::Continue,
            Behaviour::Answers(reason) => {
                self.leaving = true;
                ctx.exit(exit_reason(reason));
                Running::Stop
            }
        }
    }
}

impl Handler<Leave> for Worker {
    type Result = ();

    fn handle(&mut self, Leave(reason): Leave, ctx: &mut Self::Context) {
        self.leaving = true;
        ctx.exit(exit_reason(reason));
    }
}

impl Handler<Exit> for Worker {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.shared.say(format!("asked {}: {}", self.id, term(&exit.reason)));
    }
}

/// An error whose name is an atom.
#[derive(Debug)]
struct Atom(&'static str);

impl std::fmt::Display for Atom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Atom {}

fn exit_reason(reason: Reason) -> ExitReason {
    match reason {
        Reason::Normal => ExitReason::Normal,
        Reason::Shutdown => ExitReason::Shutdown,
        Reason::ShutdownX => ExitReason::ShutdownWith(ShutdownCause::Other("x".into())),
        Reason::Boom => ExitReason::failed(Atom("boom")),
        Reason::Killed => ExitReason::Killed,
    }
}

/// A reason as Erlang writes it.
fn term(reason: &ExitReason) -> String {
    match reason {
        ExitReason::ShutdownWith(ShutdownCause::FailedToStartChild { child, reason }) => {
            format!("{{shutdown,{{failed_to_start_child,{child},{}}}}}", term(reason))
        }
        ExitReason::ShutdownWith(ShutdownCause::Other(what)) => format!("{{shutdown,{what}}}"),
        ExitReason::NoProc => "noproc".to_owned(),
        other => other.to_string(),
    }
}

fn error_term(error: &ChildError) -> String {
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
        ChildError::Failed(reason) => term(reason),
        other => other.to_string(),
    }
}

fn pid_term(pid: ChildPid) -> String {
    match pid {
        ChildPid::Undefined => "undefined".to_owned(),
        ChildPid::Running(pid) => format!("#{}", pid.serial()),
        // `which_children` says only that it is restarting.
        ChildPid::Restarting(_) => "restarting".to_owned(),
    }
}

fn who_term(who: Who) -> String {
    match who {
        Who::Child(ChildPid::Restarting(Some(pid))) => format!("restarting #{}", pid.serial()),
        Who::Child(ChildPid::Restarting(None)) => "restarting undefined".to_owned(),
        Who::Child(pid) => pid_term(pid),
        Who::Count(count) => count.to_string(),
    }
}
