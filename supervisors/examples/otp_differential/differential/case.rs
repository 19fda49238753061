//! A case: a supervision tree and a script of what happens to it, as both sides understand it.

use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

/// One run: a tree, and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) root: Sup,
    pub(crate) script: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sup {
    pub(crate) id: String,
    pub(crate) form: Form,
    pub(crate) intensity: u32,
    pub(crate) period: u64,
    pub(crate) auto: AutoShutdown,
    pub(crate) children: Vec<Kid>,
}

/// What kind of supervisor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Static(Strategy),
    /// Its one child is the template.
    Template,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kid {
    pub(crate) restart: Restart,
    pub(crate) significant: bool,
    pub(crate) shutdown: Stop,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Worker(Job),
    Supervisor(Sup),
}

/// A worker: what its starts come to, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) behaviour: Behaviour,
    /// What the first starts come to; after these, all are well.
    pub(crate) starts: Vec<Start>,
    /// Whether each of its lives takes the registered name that goes with its id.
    pub(crate) named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Brutal,
    Millis(u64),
    Infinity,
}

/// How a worker takes being asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It does not trap exits.
    Plain,
    /// It traps them and ends as asked.
    Obedient,
    /// It traps them and ends as asked a little later.
    Slow,
    /// It traps them and does not end.
    Stubborn,
    /// It traps them and ends for a reason of its own.
    Answers(Reason),
    /// It does not trap exits, and takes the link to its supervisor away. It ends only when it is stopped.
    Unlinked,
}

/// What comes of one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Ok,
    Ignore,
    Fails(Reason),
    /// It raises an error.
    Raises,
    /// It links a process to the supervisor, which dies, and then fails.
    Links(Reason),
    /// It runs, and ends of itself at once.
    Dies(Reason),
    /// It asks its own supervisor, which cannot answer, waits a while, and fails.
    Asks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Normal,
    Shutdown,
    ShutdownX,
    /// `{shutdown,a,b}`, which is no clean end.
    ShutdownAB,
    Boom,
    Killed,
    NoProc,
}

/// What a supervisor is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Start(String, Box<Kid>),
    /// Of a template: one more, with this added to the template's arguments.
    Add(String, String),
    Terminate(String, String),
    /// By the pid of the last process that ran under the id.
    TerminatePid(String, String),
    Restart(String, String),
    Delete(String, String),
    Count(String),
    Which(String, String),
    Spec(String, String),
    SpecPid(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The clock goes on by so many milliseconds.
    Advance(u64),
    /// A worker ends by itself.
    Exit(String, Reason),
    /// A worker or supervisor is killed.
    Kill(String),
    /// A supervisor gets an exit signal from a stranger.
    Signal(String, Reason),
    /// A process of no supervisor takes the name that goes with a worker's id.
    Squat(String),
    /// A process that has taken a name so ends.
    Vacate(String),
    Call(Call),
    /// Behind a supervisor's back, all before it looks: children end, requests are sent.
    Burst(String, Vec<(String, Reason)>, Vec<Call>),
    /// A child crashes, its restart takes its time and fails, and meanwhile requests are sent.
    Retry(String, String, Vec<Call>),
}

impl Call {
    /// The supervisor that is asked.
    pub(crate) fn sup(&self) -> &str {
        match self {
            Self::Start(sup, _)
            | Self::Add(sup, _)
            | Self::Terminate(sup, _)
            | Self::TerminatePid(sup, _)
            | Self::Restart(sup, _)
            | Self::Delete(sup, _)
            | Self::Count(sup)
            | Self::Which(sup, _)
            | Self::Spec(sup, _)
            | Self::SpecPid(sup, _) => sup,
        }
    }

    /// The child that is meant.
    pub(crate) fn child(&self) -> Option<&str> {
        match self {
            Self::Start(_, kid) => Some(kid.id()),
            Self::Count(_) => None,
            Self::Add(_, id)
            | Self::Terminate(_, id)
            | Self::TerminatePid(_, id)
            | Self::Restart(_, id)
            | Self::Delete(_, id)
            | Self::Which(_, id)
            | Self::Spec(_, id)
            | Self::SpecPid(_, id) => Some(id),
        }
    }
}

impl Kid {
    pub(crate) fn id(&self) -> &str {
        match &self.what {
            What::Worker(job) => &job.id,
            What::Supervisor(sup) => &sup.id,
        }
    }
}

impl Case {
    /// Whether answers are told when all is quiet: a supervisor that has answered may go on with a child that ended
    /// meanwhile, and no order is promised between that and what its caller does (OTP-165).
    pub(crate) fn answers_late(&self) -> bool {
        let jobs = self.kids().into_iter().filter_map(|kid| match &kid.what {
            What::Worker(job) => Some(job),
            What::Supervisor(_) => None,
        });
        jobs.into_iter().any(|job| job.starts.iter().any(|start| matches!(start, Start::Dies(_))))
    }

    /// All supervisors of the tree it begins with, the outer before the inner.
    pub(crate) fn supervisors(&self) -> Vec<&Sup> {
        self.root.supervisors()
    }

    /// Every child there may be: those of the tree, and those added by the script.
    pub(crate) fn kids(&self) -> Vec<&Kid> {
        let tree = self.supervisors().into_iter().flat_map(|sup| &sup.children);
        let added = self.script.iter().flat_map(Step::calls).filter_map(|call| match call {
            Call::Start(_, kid) => Some(&**kid),
            _ => None,
        });
        tree.chain(added).collect()
    }
}

impl Sup {
    pub(crate) fn supervisors(&self) -> Vec<&Self> {
        let inner = self.children.iter().flat_map(|kid| match &kid.what {
            What::Supervisor(sup) => sup.supervisors(),
            What::Worker(_) => Vec::new(),
        });
        std::iter::once(self).chain(inner).collect()
    }
}

impl Step {
    /// The requests it makes.
    pub(crate) fn calls(&self) -> &[Call] {
        match self {
            Self::Call(call) => std::slice::from_ref(call),
            Self::Burst(_, _, calls) | Self::Retry(_, _, calls) => calls,
            _ => &[],
        }
    }
}
