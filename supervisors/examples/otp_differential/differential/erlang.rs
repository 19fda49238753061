//! A case as Erlang reads it.

use std::fmt::{self, Display, Formatter, Write as _};

use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::case::{Behaviour, Call, Case, Form, Job, Kid, Reason, Start, Step, Stop, Sup, What};

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{},{}}},[{}]}}", self.root.id, self.root, list(&self.script))
    }
}

/// Its flags and children; the id is written by whoever holds it.
impl Display for Sup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::Static(Strategy::OneForOne) => "one_for_one",
            Form::Static(Strategy::OneForAll) => "one_for_all",
            Form::Static(Strategy::RestForOne) => "rest_for_one",
            Form::Template => "simple_one_for_one",
        };
        let auto = match self.auto {
            AutoShutdown::Never => "never",
            AutoShutdown::AnySignificant => "any_significant",
            AutoShutdown::AllSignificant => "all_significant",
        };
        write!(f, "{{{form},{},{},{auto}}},[{}]", self.intensity, self.period, list(&self.children))
    }
}

impl Display for Kid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let policy = format!("{},{},{}", restart(self.restart), self.significant, self.shutdown);
        match &self.what {
            What::Worker(job) => {
                let Job { id, behaviour, starts, named } = job;
                write!(f, "{{worker,{id},{policy},{behaviour},[{}],{named}}}", list(starts))
            }
            What::Supervisor(sup) => write!(f, "{{supervisor,{},{policy},{sup}}}", sup.id),
        }
    }
}

pub(crate) const fn restart(restart: Restart) -> &'static str {
    match restart {
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    }
}

impl Display for Behaviour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("plain"),
            Self::Obedient => f.write_str("obedient"),
            Self::Slow => f.write_str("slow"),
            Self::Stubborn => f.write_str("stubborn"),
            Self::Answers(reason) => write!(f, "{{answers,{reason}}}"),
            Self::Unlinked => f.write_str("unlinked"),
        }
    }
}

impl Display for Start {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Ignore => f.write_str("ignore"),
            Self::Fails(reason) => write!(f, "{{fails,{reason}}}"),
            Self::Raises => f.write_str("raises"),
            Self::Links(reason) => write!(f, "{{links,{reason}}}"),
            Self::Dies(reason) => write!(f, "{{dies,{reason}}}"),
            Self::Asks => f.write_str("asks"),
        }
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::ShutdownX => "{shutdown,x}",
            Self::ShutdownAB => "{shutdown,a,b}",
            Self::Boom => "boom",
            Self::Killed => "killed",
            Self::NoProc => "noproc",
        })
    }
}

impl Display for Stop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brutal => f.write_str("brutal_kill"),
            Self::Millis(millis) => millis.fmt(f),
            Self::Infinity => f.write_str("infinity"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(sup, kid) => write!(f, "{{start_child,{sup},{kid}}}"),
            Self::Add(sup, label) => write!(f, "{{start_child,{sup},{{add,{label}}}}}"),
            Self::Terminate(sup, id) => write!(f, "{{terminate_child,{sup},{id}}}"),
            Self::TerminatePid(sup, id) => write!(f, "{{terminate_child,{sup},{{pid,{id}}}}}"),
            Self::Restart(sup, id) => write!(f, "{{restart_child,{sup},{id}}}"),
            Self::Delete(sup, id) => write!(f, "{{delete_child,{sup},{id}}}"),
            Self::Count(sup) => write!(f, "{{count_children,{sup}}}"),
            Self::Which(sup, id) => write!(f, "{{which_child,{sup},{id}}}"),
            Self::Spec(sup, id) => write!(f, "{{get_childspec,{sup},{id}}}"),
            Self::SpecPid(sup, id) => write!(f, "{{get_childspec,{sup},{{pid,{id}}}}}"),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advance(millis) => write!(f, "{{advance,{millis}}}"),
            Self::Exit(id, reason) => write!(f, "{{exit,{id},{reason}}}"),
            Self::Kill(id) => write!(f, "{{kill,{id}}}"),
            Self::Signal(id, reason) => write!(f, "{{signal,{id},{reason}}}"),
            Self::Squat(id) => write!(f, "{{squat,{id}}}"),
            Self::Vacate(id) => write!(f, "{{vacate,{id}}}"),
            Self::Call(call) => call.fmt(f),
            Self::Burst(sup, exits, calls) => {
                let exits: Vec<_> = exits.iter().map(|(id, reason)| format!("{{{id},{reason}}}")).collect();
                write!(f, "{{burst,{sup},[{}],[{}]}}", list(&exits), list(calls))
            }
            Self::Retry(sup, id, calls) => write!(f, "{{retry,{sup},{id},[{}]}}", list(calls)),
        }
    }
}

fn list<T: Display>(items: &[T]) -> String {
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        let _ = write!(text, "{item}");
    }
    text
}
