//! A case: a program of small processes, step by step, as both sides understand it.

use std::fmt::{self, Write as _};

/// What is done, each step only when nothing of the one before is under way any more.
#[derive(Clone, Debug)]
pub(crate) struct Case(pub(crate) Vec<Step>);

/// A process is named by a letter, and is whoever was started last under it. `o` looks on: it traps exits and lives.
pub(crate) type Id = char;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The process is told to do all of this in one turn.
    Do(Id, Vec<Order>),
    /// So many milliseconds pass.
    Advance(u64),
    Suspend(Id),
    Resume(Id),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Id(Id),
    Name(char),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Spawn { id: Id, plain: bool, tie: Tie, begin: Begin },
    Start { id: Id, link: bool, name: Option<char>, init: Init, limit: Option<u64> },
    Send(Target, u32),
    Cast(Target, u32),
    Call(Target, Request, Limit),
    Reply,
    Stop(Target, Reason, Limit),
    Link(Id),
    Unlink(Id),
    Monitor(Target),
    Demonitor { number: usize, flush: bool, info: bool },
    Trap(bool),
    Exit(Id, Reason),
    End(Reason),
    Crash,
    Register(char, Id),
    Unregister(char),
    Whereis(char),
    Idle(u64),
    Continue,
    Timer(Target, u64),
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    None,
    Link,
    Monitor,
}

/// What a spawned process does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Run,
    Crash,
    End(Reason),
}

/// What a started server does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Init {
    Ok,
    Trap,
    Continue,
    Ignore,
    Stop(Reason),
    Crash,
    Slow(u64),
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Answer,
    Later,
    Never,
    Stop(Reason),
    ReplyStop(Reason),
    Crash,
    KillSelf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// 5 s for a call.
    Default,
    Millis(u64),
    Infinity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Normal,
    Shutdown,
    ShutdownX,
    Boom,
    Kill,
    Killed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::ShutdownX => "{shutdown,x}",
            Self::Boom => "boom",
            Self::Kill => "kill",
            Self::Killed => "killed",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{{id,{id}}}"),
            Self::Name(name) => write!(f, "{{name,{name}}}"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Millis(millis) => millis.fmt(f),
            Self::Infinity => f.write_str("infinity"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer => f.write_str("answer"),
            Self::Later => f.write_str("later"),
            Self::Never => f.write_str("never"),
            Self::Stop(reason) => write!(f, "{{stop,{reason}}}"),
            Self::ReplyStop(reason) => write!(f, "{{reply_stop,{reason}}}"),
            Self::Crash => f.write_str("crash"),
            Self::KillSelf => f.write_str("killself"),
        }
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Trap => f.write_str("trap"),
            Self::Continue => f.write_str("continue"),
            Self::Ignore => f.write_str("ignore"),
            Self::Stop(reason) => write!(f, "{{stop,{reason}}}"),
            Self::Crash => f.write_str("crash"),
            Self::Slow(millis) => write!(f, "{{slow,{millis}}}"),
        }
    }
}

/// As Erlang reads it.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn { id, plain, tie, begin } => {
                let kind = if *plain { "plain" } else { "server" };
                let tie = match tie {
                    Tie::None => "none",
                    Tie::Link => "link",
                    Tie::Monitor => "monitor",
                };
                write!(f, "{{spawn,{id},{kind},{tie},")?;
                match begin {
                    Begin::Run => f.write_str("run}"),
                    Begin::Crash => f.write_str("crash}"),
                    Begin::End(reason) => write!(f, "{reason}}}"),
                }
            }
            Self::Start { id, link, name, init, limit } => {
                let tie = if *link { "link" } else { "none" };
                let name = name.map_or("none".to_owned(), String::from);
                let limit = limit.map_or("infinity".to_owned(), |limit| limit.to_string());
                write!(f, "{{start,{id},{tie},{name},{init},{limit}}}")
            }
            Self::Send(to, number) => write!(f, "{{send,{to},{number}}}"),
            Self::Cast(to, number) => write!(f, "{{cast,{to},{number}}}"),
            Self::Call(to, request, limit) => write!(f, "{{call,{to},{request},{limit}}}"),
            Self::Reply => f.write_str("reply"),
            Self::Stop(to, reason, limit) => write!(f, "{{stop,{to},{reason},{limit}}}"),
            Self::Link(id) => write!(f, "{{link,{id}}}"),
            Self::Unlink(id) => write!(f, "{{unlink,{id}}}"),
            Self::Monitor(to) => write!(f, "{{monitor,{to}}}"),
            Self::Demonitor { number, flush, info } => {
                let options = match (flush, info) {
                    (false, false) => "",
                    (true, false) => "flush",
                    (false, true) => "info",
                    (true, true) => "flush,info",
                };
                write!(f, "{{demonitor,{number},[{options}]}}")
            }
            Self::Trap(flag) => write!(f, "{{trap,{flag}}}"),
            Self::Exit(id, reason) => write!(f, "{{exit,{id},{reason}}}"),
            Self::End(reason) => write!(f, "{{'end',{reason}}}"),
            Self::Crash => f.write_str("crash"),
            Self::Register(name, id) => write!(f, "{{register,{name},{id}}}"),
            Self::Unregister(name) => write!(f, "{{unregister,{name}}}"),
            Self::Whereis(name) => write!(f, "{{whereis,{name}}}"),
            Self::Idle(millis) => write!(f, "{{idle,{millis}}}"),
            Self::Continue => f.write_str("continue"),
            Self::Timer(to, millis) => write!(f, "{{timer,{to},{millis}}}"),
            Self::Cancel => f.write_str("cancel"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do(id, orders) => write!(f, "{{do,{id},[{}]}}", list(orders)),
            Self::Advance(millis) => write!(f, "{{advance,{millis}}}"),
            Self::Suspend(id) => write!(f, "{{suspend,{id}}}"),
            Self::Resume(id) => write!(f, "{{resume,{id}}}"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", list(&self.0))
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
