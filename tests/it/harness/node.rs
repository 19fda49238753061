//! A node in this process: its clock stands still, its history is kept, its processes can be crashed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use supervisors::supervisor::TreeNode;
use supervisors::{Pid, Process, Stamped, Subscription};
use verse::actors::Limit;
use verse::config::{Config, Pace, PoemConfig, PoemSource};
use verse::event::{Event, Phase, Reporter};
use verse::net::Network;
use verse::node::{self, RunningNode, World};
use verse::poem::{Anthology, Poem, Title};

use super::within;

/// How long a client that has its poem is given to leave before the server looks whether it has.
pub(crate) const GRACE: Duration = Duration::from_millis(1);

/// More events than any test here makes.
const EVENTS: usize = 1 << 20;

/// A node to be: its configuration and its poems.
pub(crate) struct Setup {
    /// Limits and so on, to be changed before the start.
    pub(crate) config: Config,
    poems: Vec<Poem>,
}

impl Setup {
    /// A node with every default and no poem yet.
    pub(crate) fn new() -> Self {
        Self { config: Config::default(), poems: Vec::new() }
    }

    /// Serves an embedded poem.
    pub(crate) fn embedded(self, title: &str, pace: Pace) -> Self {
        let poem = Anthology::poem(title).expect("it is embedded");
        self.poem(poem, pace)
    }

    /// Serves `length` bytes, none of which could be missed or doubled without showing.
    pub(crate) fn numbered(self, title: &str, length: usize, pace: Pace) -> Self {
        let lines = (0_u64..).flat_map(|number| format!("line {number}\n").into_bytes());
        let bytes: Bytes = lines.take(length).collect();
        let title = Title::new(title).expect("a good title");
        self.poem(Poem::new(title, "a test", bytes).expect("it has bytes"), pace)
    }

    fn poem(mut self, poem: Poem, pace: Pace) -> Self {
        // Never read: the poem is here already.
        let source = PoemSource::File(poem.title().as_str().into());
        self.config.poems.push(PoemConfig { pace, ..PoemConfig::new(source) });
        self.poems.push(poem);
        self
    }

    /// Starts it.
    pub(crate) async fn start(self) -> TestNode {
        let world = World {
            network: Network::tcp(),
            reporter: Reporter::new(|node| node.seed(1)),
            limit: Limit::new(1 << 16),
            ..World::default()
        };
        let events = world.reporter.history().subscribe(EVENTS);
        let node = node::start(&self.config, &self.poems, world).await.expect("the node starts");
        TestNode { node, poems: self.poems, events, seen: Vec::new() }
    }
}

/// How many pieces a poem of `length` bytes is sent in.
pub(crate) fn drips(length: usize, num_bytes: usize) -> usize {
    length.div_ceil(num_bytes)
}

/// A node that runs.
pub(crate) struct TestNode {
    pub(crate) node: RunningNode,
    poems: Vec<Poem>,
    events: Subscription<Event>,
    seen: Vec<Stamped<Event>>,
}

impl TestNode {
    /// The text of one of its poems.
    pub(crate) fn text(&self, title: &str) -> Bytes {
        self.poems[self.number(title)].bytes().clone()
    }

    fn number(&self, title: &str) -> usize {
        self.poems.iter().position(|poem| poem.title().as_str() == title).expect("it has this poem")
    }

    /// Where one of its poems is served.
    pub(crate) fn address(&self, title: &str) -> SocketAddr {
        let service = node::ServiceId::Poem(self.number(title));
        self.node.address(service).expect("every poem listens")
    }

    /// The node's time.
    pub(crate) fn now(&self) -> Duration {
        self.node.world().reporter.node().now()
    }

    /// Moves the clock.
    pub(crate) async fn advance(&self, by: Duration) {
        tokio::time::advance(by).await;
    }

    /// All that has happened so far.
    pub(crate) fn history(&mut self) -> &[Stamped<Event>] {
        self.seen.extend(std::iter::from_fn(|| self.events.try_next()));
        assert_eq!(self.events.lost(), 0, "the history is whole");
        &self.seen
    }

    /// How many of the events so far are such.
    pub(crate) fn count(&mut self, such: impl Fn(&Event) -> bool) -> usize {
        self.history().iter().filter(|stamped| such(&stamped.event)).count()
    }

    /// Waits until `number` such events have happened since the start.
    pub(crate) async fn until(&mut self, what: &str, number: usize, such: impl Fn(&Event) -> bool) {
        let mut found = self.count(&such);
        while found < number {
            let event = within(what, self.events.next()).await;
            found += usize::from(such(&event.event));
            self.seen.push(event);
        }
    }

    /// When the connection of `peer` entered such a phase.
    pub(crate) fn entered(&mut self, peer: SocketAddr, such: impl Fn(&Phase) -> bool) -> Option<Duration> {
        let found = self.history().iter().find(|stamped| match &stamped.event {
            Event::Connection { peer: who, phase, .. } => *who == peer && such(phase),
            _ => false,
        });
        found.map(|stamped| stamped.at)
    }

    /// Who is at that path of the tree.
    pub(crate) fn child(&self, path: &str) -> TreeNode {
        let tree = self.node.tree();
        tree.find(path).unwrap_or_else(|| panic!("nobody is at {path}:\n{tree}")).clone()
    }

    /// The process at that path of the tree.
    pub(crate) fn process(&self, path: &str) -> Process {
        self.child(path).process.unwrap_or_else(|| panic!("{path} does not run:\n{}", self.node.tree()))
    }

    /// The processes of a poem's connections; the order of their pids is the order they came in.
    pub(crate) fn connections(&self, title: &str) -> Vec<Process> {
        let connections = self.child(&format!("poems/{title}/connections")).children;
        let processes = connections.into_iter().filter_map(|child| child.process);
        let by_pid: BTreeMap<Pid, Process> = processes.map(|process| (process.pid(), process)).collect();
        by_pid.into_values().collect()
    }
}

/// Whether an event is a piece of a poem being sent.
pub(crate) fn is_sent(event: &Event) -> bool {
    matches!(event, Event::Sent { .. })
}

/// Whether a connection entered this phase.
pub(crate) fn enters(phase: Phase) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Connection { phase: entered, .. } if *entered == phase)
}
