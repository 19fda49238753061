//! A case: a supervision tree and a script of what happens to it, as both sides understand it.

use std::fmt::{self, Write as _};

use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

/// One run: a tree, and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) root: Sup,
    pub(crate) script: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sup {
    pub(crate) id: String,
    pub(crate) strategy: Strategy,
    pub(crate) intensity: u32,
    pub(crate) period: u64,
    pub(crate) auto: AutoShutdown,
    pub(crate) children: Vec<Kid>,
}

#[derive(Clone, Debug)]
pub(crate) struct Kid {
    pub(crate) restart: Restart,
    pub(crate) significant: bool,
    pub(crate) shutdown: Stop,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Worker { id: String, behaviour: Behaviour, starts: Vec<Start> },
    Supervisor(Sup),
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
    /// It traps them and does not end.
    Stubborn,
    /// It traps them and ends for a reason of its own.
    Answers(Reason),
}

/// What comes of one start; after the last of a list, all starts are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Ok,
    Ignore,
    Fails(Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Normal,
    Shutdown,
    ShutdownX,
    Boom,
    Killed,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Advance(u64),
    Exit(String, Reason),
    Kill(String),
    Start(String, Box<Kid>),
    Terminate(String, String),
    Restart(String, String),
    Delete(String, String),
    Count(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::ShutdownX => "{shutdown,x}",
            Self::Boom => "boom",
            Self::Killed => "killed",
        })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brutal => f.write_str("brutal_kill"),
            Self::Millis(millis) => millis.fmt(f),
            Self::Infinity => f.write_str("infinity"),
        }
    }
}

/// As Erlang reads it.
impl fmt::Display for Sup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},", self.id)?;
        let strategy = match self.strategy {
            Strategy::OneForOne => "one_for_one",
            Strategy::OneForAll => "one_for_all",
            Strategy::RestForOne => "rest_for_one",
        };
        let auto = match self.auto {
            AutoShutdown::Never => "never",
            AutoShutdown::AnySignificant => "any_significant",
            AutoShutdown::AllSignificant => "all_significant",
        };
        write!(f, "{{{strategy},{},{},{auto}}},[{}]", self.intensity, self.period, list(&self.children))
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restart = match self.restart {
            Restart::Permanent => "permanent",
            Restart::Transient => "transient",
            Restart::Temporary => "temporary",
        };
        let policy = format!("{restart},{},{}", self.significant, self.shutdown);
        match &self.what {
            What::Worker { id, behaviour, starts } => {
                let behaviour = match behaviour {
                    Behaviour::Plain => "plain".to_owned(),
                    Behaviour::Obedient => "obedient".to_owned(),
                    Behaviour::Stubborn => "stubborn".to_owned(),
                    Behaviour::Answers(reason) => format!("{{answers,{reason}}}"),
                };
                write!(f, "{{worker,{id},{policy},{behaviour},[{}]}}", list(starts))
            }
            What::Supervisor(sup) => {
                let rest = sup.to_string();
                let (id, rest) = rest.split_once(',').expect("a supervisor is written with its id first");
                write!(f, "{{supervisor,{id},{policy},{rest}}}")
            }
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Ignore => f.write_str("ignore"),
            Self::Fails(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advance(millis) => write!(f, "{{advance,{millis}}}"),
            Self::Exit(id, reason) => write!(f, "{{exit,{id},{reason}}}"),
            Self::Kill(id) => write!(f, "{{kill,{id}}}"),
            Self::Start(sup, kid) => write!(f, "{{start_child,{sup},{kid}}}"),
            Self::Terminate(sup, id) => write!(f, "{{terminate_child,{sup},{id}}}"),
            Self::Restart(sup, id) => write!(f, "{{restart_child,{sup},{id}}}"),
            Self::Delete(sup, id) => write!(f, "{{delete_child,{sup},{id}}}"),
            Self::Count(sup) => write!(f, "{{count_children,{sup}}}"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}}},[{}]}}", self.root, list(&self.script))
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        let _ = write!(text, "{item}");
    }
    text
}
