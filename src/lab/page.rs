//! A page of a chronicle: one fault, from its cause to the recovery, for people to read.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use supervisors::ExitReason;
use supervisors::lab::Struck;
use supervisors::supervisor::{Report, Restart};

use super::chronicle::{Chronicle, Fact, Record};
use crate::event::{Event, Phase};

/// What a line of a page is about. A page goes through them in about this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Another fault, on the same ground.
    Struck,
    /// A process ended as it should not.
    Died,
    /// A process was stopped by its supervisor, in good order.
    Stopped,
    /// A client lost its connection, and can tell.
    Cut,
    /// A service listens no more.
    Closed,
    /// A supervisor decided what to do.
    Decided,
    /// A supervisor, or the node, has given up.
    GaveUp,
    /// A process was started.
    Started,
    /// A service listens.
    Open,
    /// The next client has come.
    Came,
    /// It is being answered.
    Answered,
    /// It has everything: the service has recovered.
    Served,
}

/// One fault, and all that came of it where it happened: who died with it, who was stopped, who was started again, which
/// clients lost their connection, and the first that was served whole afterwards.
///
/// It tells of the branch of the tree that was struck, on its host; what happens elsewhere at the same time is left out.
#[derive(Clone, Debug)]
pub struct Page {
    host: Arc<str>,
    at: Duration,
    struck: Struck,
    lines: Vec<(Duration, Part, String)>,
}

impl Chronicle {
    /// A page for each process that was struck, in order.
    #[must_use]
    pub fn pages(&self) -> Vec<Page> {
        let records = self.records();
        (0..records.len()).filter_map(|index| Page::of(&records, index)).collect()
    }
}

impl Page {
    /// The page of the fault that is the record number `index`; `None` if that is no fault of a process.
    #[must_use]
    pub fn of(records: &[Record], index: usize) -> Option<Self> {
        let Record { at, host, fact: Fact::Struck(struck) } = records.get(index)? else { return None };
        let mut page = Self { host: Arc::clone(host), at: *at, struck: struck.clone(), lines: Vec::new() };
        let mut reader = Reader { ground: Ground::of(&struck.path), came: BTreeMap::new() };
        for record in records[index + 1..].iter().filter(|record| record.host == *host) {
            if let Some((part, text)) = reader.read(record) {
                if part == Part::Served {
                    let came = reader.came.values().flatten().cloned();
                    page.lines.extend(came.map(|(at, part, text)| (at.saturating_sub(page.at), part, text)));
                }
                page.lines.push((record.at.saturating_sub(page.at), part, text));
                if part == Part::Served {
                    break;
                }
            }
        }
        page.leave_out_the_place(&records[index..]);
        Some(page)
    }

    /// Where a planned panic is raised says nothing: in the lab's own code.
    fn leave_out_the_place(&mut self, records: &[Record]) {
        let place = records.iter().find_map(|record| match &record.fact {
            Fact::Node(Event::Process(supervisors::Event::Exited { pid, reason, .. }))
                if record.host == self.host && *pid == self.struck.pid =>
            {
                Some(reason)
            }
            _ => None,
        });
        if let Some(ExitReason::Panicked { place: Some(place), .. }) = place {
            for (_, _, text) in &mut self.lines {
                *text = text.replace(&format!("panicked at {place}: "), "panicked: ");
            }
        }
    }

    /// What it tells, line by line: how long after the fault, what it is about, in words.
    #[must_use]
    pub fn lines(&self) -> &[(Duration, Part, String)] {
        &self.lines
    }

    /// How long after the fault a client that came afterwards had been served whole; `None` if none was before the
    /// chronicle ends.
    #[must_use]
    pub fn recovered(&self) -> Option<Duration> {
        self.lines.iter().find(|(_, part, _)| *part == Part::Served).map(|(after, ..)| *after)
    }

    fn count(&self, wanted: Part) -> usize {
        self.lines.iter().filter(|(_, part, _)| *part == wanted).count()
    }
}

/// The branch that was struck.
struct Ground {
    /// Its path; empty is the whole tree.
    path: String,
}

impl Ground {
    /// The branch that has `path` in it: a poem's, or one of the others.
    fn of(path: &str) -> Self {
        // A path may begin with the root's own name.
        let path = path.strip_prefix("verse/").unwrap_or(path);
        let mut ids = path.split('/');
        let path = match (ids.next(), ids.next()) {
            (Some("poems"), Some(title)) => format!("poems/{title}"),
            (Some("verse") | None, _) => String::new(),
            (Some(branch), _) => branch.to_owned(),
        };
        Self { path }
    }

    /// Whether the child `id` of the supervisor at `home` is in it; the branch's own supervisor is.
    fn has(&self, home: &str, id: &str) -> bool {
        let path = if home.is_empty() { id.to_owned() } else { format!("{home}/{id}") };
        path.strip_prefix(&self.path)
            .is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a service is of this branch. Branches are called as their services; only that of all poems is not.
    fn serves(&self, service: &str) -> bool {
        match self.path.rsplit('/').next().unwrap_or_default() {
            "" => true,
            "poems" => service != "transform" && !service.starts_with("proxy"),
            branch => service == branch,
        }
    }
}

/// What is known while the records behind a fault are read.
struct Reader {
    ground: Ground,
    /// The clients that came since the last process was started, each with what is told of it if it is the one that is
    /// served.
    came: BTreeMap<SocketAddr, Vec<(Duration, Part, String)>>,
}

impl Reader {
    /// What a record has to do with the fault, if anything. At [`Part::Served`] only that client is left in `came`.
    fn read(&mut self, record: &Record) -> Option<(Part, String)> {
        let told = match &record.fact {
            Fact::Struck(struck) if self.ground.path == Ground::of(&struck.path).path => {
                (Part::Struck, struck.to_string())
            }
            Fact::HostCrashed => (Part::Died, "the host crashes".to_owned()),
            Fact::Born(_) => (Part::Started, record.fact.to_string()),
            Fact::Ended(_) => (Part::GaveUp, record.fact.to_string()),
            Fact::Node(event) => (self.part(event, record.at)?, event.to_string()),
            _ => return None,
        };
        if matches!(told.0, Part::Started | Part::Open) {
            self.came.clear();
        }
        Some(told)
    }

    fn part(&mut self, event: &Event, at: Duration) -> Option<Part> {
        match event {
            Event::Process(event) => self.of_process(event),
            Event::ListenerDown { service, .. } => self.ground.serves(service).then_some(Part::Closed),
            Event::ListenerUp { service, .. } => self.ground.serves(service).then_some(Part::Open),
            Event::Connection { service, peer, phase } if self.ground.serves(service) => match phase {
                Phase::Accepted => {
                    self.came.insert(*peer, vec![(at, Part::Came, event.to_string())]);
                    None
                }
                Phase::Closed => {
                    let served = self.came.remove(peer)?;
                    self.came = [(*peer, served)].into();
                    Some(Part::Served)
                }
                Phase::Reset { .. } => {
                    self.came.remove(peer);
                    Some(Part::Cut)
                }
                _ => None,
            },
            Event::ProxyAnswered { peer, .. } | Event::Sending { peer, .. } => {
                if let Some(told) = self.came.get_mut(peer) {
                    told.push((at, Part::Answered, event.to_string()));
                }
                None
            }
            _ => None,
        }
    }

    fn of_process(&self, event: &supervisors::Event) -> Option<Part> {
        match event {
            supervisors::Event::Exited { path, reason, .. } => {
                let here = self.ground.has(&path.supervisor, path.child.as_str());
                match reason {
                    // A connection that has served its client.
                    ExitReason::Normal => None,
                    reason if reason.is_clean() => here.then_some(Part::Stopped),
                    _ => here.then_some(Part::Died),
                }
            }
            supervisors::Event::Report { supervisor, report } => {
                let (child, part) = match report {
                    Report::Progress { child, .. } if child.restart == Restart::Temporary => return None,
                    Report::Progress { child, .. } => (child, Part::Started),
                    Report::Restarting { child, .. } => (child, Part::Decided),
                    Report::ReachedMaxIntensity { child } => (child, Part::GaveUp),
                    Report::StartError { child, .. } => (child, Part::Died),
                    // Told by its exit already.
                    _ => return None,
                };
                self.ground.has(supervisor, child.id.as_str()).then_some(part)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Struck => "struck",
            Self::Died => "died",
            Self::Stopped => "stopped",
            Self::Cut => "cut",
            Self::Closed => "closed",
            Self::Decided => "decided",
            Self::GaveUp => "gave up",
            Self::Started => "started",
            Self::Open => "open",
            Self::Came => "came",
            Self::Answered => "answered",
            Self::Served => "served",
        })
    }
}

/// The page: a heading with the cause, a line for each thing that came of it, and the sum.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "At {:.3} s, on {}: {}", self.at.as_secs_f64(), self.host, self.struck)?;
        for (after, part, text) in &self.lines {
            writeln!(f, "{:>+10.3} s  {part:<8}  {text}", after.as_secs_f64())?;
        }
        let count = |part, one: &str, many: &str| match self.count(part) {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let sum = format!(
            "{} died, {} stopped, {} started; {} cut",
            count(Part::Died, "process", "processes"),
            self.count(Part::Stopped),
            self.count(Part::Started),
            count(Part::Cut, "client was", "clients were"),
        );
        match self.recovered() {
            Some(after) => {
                writeln!(f, "Recovered after {:.3} s: {sum}; the next was served whole.", after.as_secs_f64())
            }
            None => writeln!(f, "Nobody was served before the chronicle ends: {sum}."),
        }
    }
}
