//! Our side: the same case on running actors, written down in the same words.

mod players;
mod stage;
mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use supervisors::supervisor::{ChildError, ChildInfo, Supervisor, SupervisorRef, TemplateRef};
use supervisors::{Node, Process, Ref, RegisterError};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use self::players::{Idle, Leave, Worker};
use self::stage::{Gate, Stage};
use super::case::{Call, Case, Reason, Step};

/// Runs a case as the given release of OTP would, where releases differ.
pub(crate) fn run(case: &Case, release: u32) -> Trace {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, Rig::run(case, release))
}

/// What a case came to.
pub(crate) struct Trace {
    pub(crate) lines: Vec<String>,
    /// The rules of the release that are not ours, as often as they were followed.
    pub(crate) adapted: Vec<u32>,
}

/// A supervisor, held by its place.
#[derive(Clone)]
pub(crate) enum Handle {
    Static(SupervisorRef),
    Template(TemplateRef<String, Ref<Worker>>),
}

impl Handle {
    fn process(&self) -> Option<Process> {
        match self {
            Self::Static(sup) => sup.process(),
            Self::Template(sup) => sup.process(),
        }
    }

    async fn which_children(&self) -> Result<Vec<ChildInfo>, ChildError> {
        match self {
            Self::Static(sup) => sup.which_children().await,
            Self::Template(sup) => sup.which_children().await,
        }
    }
}

struct Rig {
    stage: Arc<Stage>,
    root: Process,
    late: bool,
    squatters: Mutex<BTreeMap<String, Ref<Idle>>>,
}

/// Longer than any shutdown takes.
const LONG: Duration = Duration::from_secs(100);

/// Long enough for everybody to have a turn.
const SOON: Duration = Duration::from_millis(1);

impl Rig {
    async fn run(case: &Case, release: u32) -> Trace {
        let stage = Stage::new(case, release);
        let (events, clock) = (Arc::clone(&stage), Arc::clone(&stage));
        let node = Node::builder()
            .seed(0)
            .clock(move || Duration::from_millis(clock.clock.load(Ordering::Relaxed)))
            .on_event(move |_, event| events.hear(&event))
            .build();
        let started = match players::supervisor(&case.root, &stage) {
            players::Built::Static(sup) => Supervisor::start(sup, &node).await.map(drop),
            players::Built::Template(sup) => sup.start(&node).await.map(drop),
        };
        match started {
            Err(reason) => {
                stage.say(format!("start -> {{error,{}}}", terms::term(&reason)));
                tokio::time::sleep(LONG).await;
                // OTP-019: nothing is linked to whoever starts a root.
                if stage.follows_otp(19) {
                    stage.say(format!("exit in the mailbox: {}", terms::term(&reason)));
                }
                stage.bury();
            }
            Ok(()) => {
                let root = stage.root();
                stage.watch("root", &root);
                let late = case.answers_late();
                let rig = Self { stage: Arc::clone(&stage), root, late, squatters: Mutex::default() };
                rig.play(&case.script).await;
            }
        }
        stage.forget();
        stage.trace()
    }

    async fn play(&self, script: &[Step]) {
        tokio::time::sleep(LONG).await;
        self.stage.say("start -> ok".to_owned());
        self.settle().await;
        for step in script {
            if self.root.is_alive() {
                self.stage.say(format!("> {step}"));
                let answers = self.step(step).await;
                tokio::time::sleep(LONG).await;
                answers.into_iter().for_each(|answer| self.stage.say(format!("= {answer}")));
                self.settle().await;
            }
        }
        if self.root.is_alive() {
            self.stage.say("> end".to_owned());
            self.root.stop();
            self.root.exited().await;
            self.stage.bury();
        }
    }

    /// Gives the answers that are told when all is quiet.
    async fn step(&self, step: &Step) -> Vec<String> {
        let no = |id: &str| self.stage.say(format!("= no {id}"));
        match step {
            Step::Advance(millis) => {
                self.stage.clock.fetch_add(*millis, Ordering::Relaxed);
            }
            Step::Exit(id, reason) => match self.stage.life(id) {
                Some(life) if life.unlinked => self.stage.say("= unlinked".to_owned()),
                Some(life) => life.leave(*reason).await,
                None => no(id),
            },
            Step::Kill(id) => match self.find(id) {
                Some(_) if self.stage.life(id).is_some_and(|life| life.unlinked) => {
                    self.stage.say("= unlinked".to_owned());
                }
                Some(process) => {
                    process.kill();
                    process.exited().await;
                }
                None => no(id),
            },
            Step::Signal(id, reason) => match self.find(id) {
                Some(process) => process.exit(terms::exit_reason(*reason)),
                None => no(id),
            },
            Step::Squat(id) => self.squat(id).await,
            Step::Vacate(id) => {
                let squatter = self.squatters.lock().remove(id);
                match squatter.and_then(|it| it.process()) {
                    Some(process) => {
                        process.kill();
                        process.exited().await;
                        self.stage.say("= ok".to_owned());
                    }
                    None => no(id),
                }
            }
            Step::Call(call) => {
                let answer = self.stage.ask(call).await;
                if self.late {
                    return vec![answer];
                }
                self.stage.say(format!("= {answer}"));
            }
            Step::Burst(sup, exits, calls) => match self.find(sup) {
                Some(process) => return self.burst(sup, &process, exits, calls).await,
                None => no(sup),
            },
            Step::Retry(sup, id, calls) => match (self.find(sup), self.stage.child_of(id, sup)) {
                (Some(process), Some(life)) => {
                    let gate = self.stage.shut_gate(id, process.pid());
                    life.leave(Reason::Boom).await;
                    tokio::time::sleep(LONG).await;
                    return self.retry(&gate, calls).await;
                }
                (Some(_), None) => no(id),
                (None, _) => no(sup),
            },
        }
        Vec::new()
    }

    /// All of it is in the supervisor's mailbox before it looks.
    async fn burst(
        &self,
        sup: &str,
        process: &Process,
        exits: &[(String, Reason)],
        calls: &[Call],
    ) -> Vec<String> {
        process.suspend();
        for (id, reason) in exits {
            match self.stage.child_of(id, sup) {
                Some(life) => life.leave(*reason).await,
                None => self.stage.say(format!("= no {id}")),
            }
        }
        let answers = self.ask_all(calls).await;
        process.resume();
        gather(answers).await
    }

    /// If the start that takes its time was not come to, the requests are made one after the other.
    async fn retry(&self, gate: &Arc<Gate>, calls: &[Call]) -> Vec<String> {
        if gate.is_waited_at() {
            let answers = self.ask_all(calls).await;
            gate.open();
            return gather(answers).await;
        }
        self.stage.take_gate();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(self.stage.ask(call).await);
        }
        answers
    }

    /// Sends requests in this order.
    async fn ask_all(&self, calls: &[Call]) -> Vec<oneshot::Receiver<String>> {
        let mut answers = Vec::new();
        for call in calls {
            let (tell, told) = oneshot::channel();
            let (stage, call) = (Arc::clone(&self.stage), call.clone());
            tokio::task::spawn_local(async move { tell.send(stage.ask(&call).await) });
            tokio::time::sleep(SOON).await;
            answers.push(told);
        }
        answers
    }

    /// A stranger takes a worker's name.
    async fn squat(&self, id: &str) {
        let node = self.root.node();
        let squatter = node.spawn(Idle);
        match node.register(&terms::registered_name(id), &squatter) {
            Ok(()) => {
                self.squatters.lock().insert(id.to_owned(), squatter);
                self.stage.say("= ok".to_owned());
            }
            Err(RegisterError::Taken { .. } | RegisterError::OtherType { .. }) => {
                squatter.kill();
                self.stage.say("= taken".to_owned());
            }
            Err(error) => panic!("a stranger cannot take a name: {error}"),
        }
    }

    fn find(&self, id: &str) -> Option<Process> {
        match self.stage.sup(id) {
            Some(sup) => sup.process(),
            None => self.stage.life(id).map(|life| life.process),
        }
    }

    /// Time passes only when everybody sleeps: after this, whatever was under way is done.
    async fn settle(&self) {
        tokio::time::sleep(LONG).await;
        self.stage.bury();
        if let Some(reason) = self.root.exit_reason() {
            return self.stage.say(format!("root is dead: {}", terms::term(&reason)));
        }
        let mut todo = vec!["root".to_owned()];
        while let Some(id) = todo.pop() {
            let sup = self.stage.sup(&id).expect("it was found in the tree");
            let children = sup.which_children().await.expect("it lives");
            let mut shown: Vec<_> = children
                .iter()
                .map(|child| {
                    let id = child.id.as_ref().map_or("undefined", |id| id.as_str());
                    format!("{id}={}", terms::pid(child.pid))
                })
                .collect();
            if matches!(sup, Handle::Template(_)) {
                shown.sort();
            }
            self.stage.say(format!("  {id}: {}", shown.join(" ")));
            // The oldest is looked into first.
            let running = children.iter().filter(|child| child.pid.running().is_some());
            todo.extend(
                running
                    .filter_map(|child| child.id.as_ref().map(ToString::to_string))
                    .filter(|id| self.stage.sup(id).is_some()),
            );
        }
    }
}

async fn gather(answers: Vec<oneshot::Receiver<String>>) -> Vec<String> {
    let mut gathered = Vec::new();
    for answer in answers {
        gathered.push(answer.await.expect("whoever asks tells the answer"));
    }
    gathered
}
