//! Supervisors and workers of a case, as actors.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Running};
use supervisors::supervisor::{
    Child, ChildSpec, DynamicSupervisor, Shutdown, StartError, Supervisor, Template, TemplateSupervisor,
};
use supervisors::{ContextExt, Exit, ExitReason, Process, Ref, this_process};

use super::super::case::{Behaviour, Form, Job, Kid, Reason, Start, Stop, Sup, What};
use super::stage::{Life, Stage};
use super::{Handle, terms};

/// A supervisor to be started.
pub(super) enum Built {
    Static(Supervisor),
    Template(TemplateSupervisor<String, Ref<Worker>>),
}

/// Makes a supervisor, and puts it and those below it on the stage.
pub(super) fn supervisor(sup: &Sup, stage: &Arc<Stage>) -> Built {
    let period = Duration::from_secs(sup.period);
    match sup.form {
        Form::Static(strategy) => {
            let mut built = Supervisor::new(sup.id.as_str())
                .strategy(strategy)
                .intensity(sup.intensity, period)
                .auto_shutdown(sup.auto);
            for kid in &sup.children {
                built = built.child(child(kid, &sup.id, stage));
            }
            stage.add_sup(&sup.id, Handle::Static(built.reference()));
            Built::Static(built)
        }
        Form::Template => {
            let [kid] = &*sup.children else { panic!("a template is one child") };
            let What::Worker(job) = &kid.what else { panic!("a template is a worker here") };
            let recipe = Recipe { job: job.clone(), under: sup.id.clone(), stage: Arc::clone(stage) };
            let template = Template::starting(job.id.as_str(), move |label: String| {
                let mut recipe = recipe.clone();
                recipe.job.id += &label;
                async move { recipe.make().await }
            });
            let template = template.restart(kid.restart).shutdown(shutdown(kid.shutdown));
            let built =
                DynamicSupervisor::template(sup.id.as_str(), template).intensity(sup.intensity, period);
            stage.add_sup(&sup.id, Handle::Template(built.reference()));
            Built::Template(built)
        }
    }
}

/// Makes a child for the supervisor `under`.
pub(super) fn child(kid: &Kid, under: &str, stage: &Arc<Stage>) -> Child {
    match &kid.what {
        What::Supervisor(sup) => match supervisor(sup, stage) {
            Built::Static(built) => {
                let built = built.restart(kid.restart).shutdown(shutdown(kid.shutdown));
                if kid.significant { built.significant().into() } else { built.into() }
            }
            Built::Template(built) => {
                let built = built.restart(kid.restart).shutdown(shutdown(kid.shutdown));
                if kid.significant { built.significant().into() } else { built.into() }
            }
        },
        What::Worker(job) => {
            let recipe = Recipe { job: job.clone(), under: under.to_owned(), stage: Arc::clone(stage) };
            // Half of them by the way that may take its time, as all that wait must.
            let waits =
                job.starts.contains(&Start::Asks) || stage.waits(&job.id) || job.id.as_bytes()[0] % 2 == 1;
            let mut spec = if waits {
                ChildSpec::starting(job.id.as_str(), move || {
                    let recipe = recipe.clone();
                    async move { recipe.make().await }
                })
            } else {
                ChildSpec::fallible(job.id.as_str(), move || recipe.make_at_once())
            };
            spec = spec.restart(kid.restart).shutdown(shutdown(kid.shutdown));
            if kid.significant {
                spec = spec.significant();
            }
            if job.named {
                spec = spec.named(terms::registered_name(&job.id));
            }
            spec.into()
        }
    }
}

const fn shutdown(stop: Stop) -> Shutdown {
    match stop {
        Stop::Brutal => Shutdown::Brutal,
        Stop::Millis(millis) => Shutdown::Timeout(Duration::from_millis(millis)),
        Stop::Infinity => Shutdown::Infinity,
    }
}

/// How a worker is made, each time.
#[derive(Clone)]
struct Recipe {
    job: Job,
    under: String,
    stage: Arc<Stage>,
}

/// How long a start waits for its own supervisor, which cannot answer.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long a slow one takes to end.
const WHILE: Duration = Duration::from_millis(1);

impl Recipe {
    async fn make(&self) -> Result<Worker, StartError> {
        if let Some(gate) = self.stage.gate_of(&self.job.id) {
            gate.pass().await;
            return Err(self.failed("waits", Reason::Boom));
        }
        match self.outcome() {
            Start::Asks => {
                let sup = self.stage.sup(&self.under).expect("it starts this worker");
                // From outside: it is told at once that it asks itself if it does (OTP-170).
                let asks = tokio::task::spawn_local(async move { sup.which_children().await });
                let asks = asks.abort_handle();
                tokio::time::sleep(PATIENCE).await;
                assert!(!asks.is_finished(), "a supervisor answered while it started a child");
                asks.abort();
                self.stage.say(format!("start {}: timeout", self.job.id));
                Err(StartError::Failed(ExitReason::failed(terms::Atom("timeout"))))
            }
            outcome => self.come_to(outcome),
        }
    }

    fn make_at_once(&self) -> Result<Worker, StartError> {
        self.come_to(self.outcome())
    }

    fn outcome(&self) -> Start {
        self.stage.starts_in(&self.under);
        let number = self.stage.count_start(&self.job.id);
        self.job.starts.get(number).copied().unwrap_or(Start::Ok)
    }

    fn failed(&self, how: &str, reason: Reason) -> StartError {
        self.stage.say(format!("start {}: {how}", self.job.id));
        StartError::Failed(terms::exit_reason(reason))
    }

    fn come_to(&self, outcome: Start) -> Result<Worker, StartError> {
        let dies = match outcome {
            Start::Ok => None,
            Start::Dies(reason) => Some(reason),
            Start::Ignore => {
                self.stage.say(format!("start {}: ignore", self.job.id));
                return Err(StartError::Ignore);
            }
            Start::Fails(reason) => return Err(self.failed(&reason.to_string(), reason)),
            Start::Raises => {
                self.stage.say(format!("start {}: raises", self.job.id));
                panic!("crash");
            }
            Start::Links(reason) => {
                // Of another node, so that pids are counted as over there.
                let stranger = supervisors::Node::new().spawn(Idle).process().expect("it was just spawned");
                this_process().expect("a start runs in its supervisor").link(&stranger);
                stranger.kill();
                return Err(self.failed("links", reason));
            }
            Start::Asks => panic!("a start that asks takes its time"),
        };
        let Self { job, under, stage } = self.clone();
        Ok(Worker { job, under, stage, dies, process: None, leaving: false })
    }
}

pub(crate) struct Worker {
    job: Job,
    under: String,
    stage: Arc<Stage>,
    /// Of itself, at once.
    dies: Option<Reason>,
    process: Option<Process>,
    leaving: bool,
}

/// Told to end by itself.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave(pub(super) Reason);

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let process = this_process().expect("an actor starts in a process");
        let unlinked = self.job.behaviour == Behaviour::Unlinked;
        let (mail, under) = (ctx.address().recipient(), self.under.clone());
        self.process = Some(process.clone());
        if unlinked && let Some(sup) = self.stage.sup(&self.under).and_then(|sup| sup.process()) {
            process.unlink(&sup);
        }
        self.stage.began(&self.job.id, Life { process, mail, under, unlinked });
        ctx.trap_exit(!matches!(self.job.behaviour, Behaviour::Plain | Behaviour::Unlinked));
        if let Some(reason) = self.dies {
            ctx.notify(Leave(reason));
        }
    }

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        if self.leaving || matches!(self.job.behaviour, Behaviour::Plain | Behaviour::Unlinked) {
            return Running::Stop;
        }
        let asked = ctx.stop_reason().unwrap_or(ExitReason::Normal);
        self.stage.say(format!("asked {}: {}", self.job.id, terms::term(&asked)));
        match self.job.behaviour {
            Behaviour::Stubborn => Running::Continue,
            Behaviour::Slow => {
                ctx.run_later(WHILE, |this, ctx| {
                    this.leaving = true;
                    ctx.stop();
                });
                Running::Continue
            }
            Behaviour::Answers(reason) => {
                self.leaving = true;
                ctx.exit(terms::exit_reason(reason));
                Running::Stop
            }
            Behaviour::Plain | Behaviour::Unlinked | Behaviour::Obedient => Running::Stop,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            self.stage.died(&self.job.id, process);
        }
    }
}

impl Handler<Leave> for Worker {
    type Result = ();

    fn handle(&mut self, Leave(reason): Leave, ctx: &mut Self::Context) {
        self.leaving = true;
        ctx.exit(terms::exit_reason(reason));
    }
}

impl Handler<Exit> for Worker {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.stage.say(format!("asked {}: {}", self.job.id, terms::term(&exit.reason)));
    }
}

/// A process that does nothing.
pub(crate) struct Idle;

impl Actor for Idle {
    type Context = Context<Self>;
}
