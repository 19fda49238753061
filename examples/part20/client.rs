//! The client in the Erlang way: a process for each server, and one that collects what they send.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use bytes::{Bytes, BytesMut};
use supervisors::{ContextExt, Down, ExitReason, MonitorId, Node, Ref};
use tokio::sync::oneshot;
use verse::actors::{DownloadOptions, Piece, download};
use verse::message::DownloadError;
use verse::net::Network;

/// How a client differs from the series' own: the exercises.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// Says nothing of the pieces of a poem.
    pub(crate) quiet: bool,
    /// Says how long each poem took.
    pub(crate) times: bool,
    /// Prints the poems in the order of their servers; else in that in which they came.
    pub(crate) in_order: bool,
    /// A process that gets no poem says why in words; else it crashes, as an Erlang process does that meets what it has
    /// no clause for.
    pub(crate) readable: bool,
    /// A bug of our own: the process of this task crashes at the first bytes of its poem.
    pub(crate) bug: Option<usize>,
}

/// What the collecting process has heard when all others are down.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// The poems, in the order in which they were printed.
    pub(crate) poems: Vec<Poem>,
    /// Tasks in the order in which their poems came.
    pub(crate) came: Vec<usize>,
    /// Who ended without having done its work, and why.
    pub(crate) crashed: Vec<(usize, ExitReason)>,
}

/// A poem, on its way from the process that got it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Poem {
    pub(crate) task: usize,
    pub(crate) text: Bytes,
    pub(crate) took: Duration,
    /// Lines printed while it came.
    pub(crate) lines: usize,
}

/// The collecting process begins, and is told who it is: Erlang's `self()`, with a type.
#[derive(Message)]
#[rtype(result = "()")]
struct Begin {
    me: Ref<Main>,
}

/// Gets a poem for each server, and comes back when all the processes that do it are down.
pub(crate) async fn get_poems(
    node: &Node,
    servers: Vec<SocketAddr>,
    flags: Flags,
) -> Result<Collected, Box<dyn Error>> {
    let (tell, told) = oneshot::channel();
    let collected = Collected::default();
    let main =
        Main { node: node.clone(), servers, flags, tasks: BTreeMap::new(), collected, tell: Some(tell) };
    let main = node.spawn(main);
    main.cast(Begin { me: main.clone() });
    Ok(told.await?)
}

/// Gets one poem. Owns its connection and what has come; started by [`Main`]; ends when it has sent the poem, and
/// crashes if there is none. It "blocks" where it waits: only itself.
struct GetPoetry {
    task: usize,
    server: SocketAddr,
    flags: Flags,
    main: Ref<Main>,
}

impl Actor for GetPoetry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let began = self.main.process().map(|main| main.node().now()).unwrap_or_default();
        let work = get_poetry(self.task, self.server, self.flags);
        ctx.spawn(work.into_actor(self).map(move |got, me, ctx| match got {
            Ok((text, lines)) => {
                let now = me.main.process().map(|main| main.node().now()).unwrap_or_default();
                me.main.cast(Poem { task: me.task, text, took: now.saturating_sub(began), lines });
                ctx.stop();
            }
            Err(DownloadError { server, cause }) if me.flags.readable => {
                ctx.exit(ExitReason::failed(format!("no poem from {server}: {cause}")));
            }
            // There is no clause for this. What to do about it is the business of whoever watches.
            Err(error) => panic!("no match of right hand side value {:?}", error.cause),
        }));
    }
}

/// The loop of the process: it waits for the next piece, says so, and goes round.
async fn get_poetry(task: usize, server: SocketAddr, flags: Flags) -> Result<(Bytes, usize), DownloadError> {
    let (mut poem, mut lines) = (BytesMut::new(), 0);
    let each = async |Piece { bytes, .. }: Piece| {
        assert_ne!(flags.bug, Some(task), "a bug in the process of task");
        if !flags.quiet {
            println!("Task {task}: got {} bytes of poetry from {server}", bytes.len());
            lines += 1;
        }
        poem.extend_from_slice(&bytes);
        Ok(())
    };
    match download(&Network::tcp(), &server.into(), &DownloadOptions::default(), each).await {
        Ok(()) => Ok((poem.freeze(), lines)),
        Err(cause) => Err(DownloadError { server: server.into(), cause }),
    }
}

/// Starts a process for each server and waits for two kinds of messages: poems, and that a process is down. When as many
/// are down as were started, all is done, however each of them ended.
struct Main {
    node: Node,
    servers: Vec<SocketAddr>,
    flags: Flags,
    /// Who is not down yet.
    tasks: BTreeMap<MonitorId, usize>,
    collected: Collected,
    tell: Option<oneshot::Sender<Collected>>,
}

impl Actor for Main {
    type Context = Context<Self>;
}

impl Main {
    fn end_if_all_are_down(&mut self, ctx: &mut Context<Self>) {
        if !self.tasks.is_empty() {
            return;
        }
        let mut collected = std::mem::take(&mut self.collected);
        if self.flags.in_order {
            collected.poems.sort_by_key(|poem| poem.task);
        }
        for poem in &collected.poems {
            println!("{}", String::from_utf8_lossy(&poem.text));
        }
        if let Some(tell) = self.tell.take() {
            // Whoever asked may have gone.
            let _ = tell.send(collected);
        }
        ctx.stop();
    }
}

impl Handler<Begin> for Main {
    type Result = ();

    fn handle(&mut self, Begin { me }: Begin, ctx: &mut Self::Context) {
        for (number, server) in self.servers.iter().enumerate() {
            let (task, server, flags) = (number + 1, *server, self.flags);
            let process = GetPoetry { task, server, flags, main: me.clone() };
            // Monitored before it runs: no end of it can be missed.
            let (_, monitor) = self.node.spawn_monitor(process, &me);
            self.tasks.insert(monitor.id(), task);
        }
        self.end_if_all_are_down(ctx);
    }
}

impl Handler<Poem> for Main {
    type Result = ();

    fn handle(&mut self, poem: Poem, _: &mut Self::Context) {
        if self.flags.times {
            println!("Task {}: {} bytes in {:?}", poem.task, poem.text.len(), poem.took);
        }
        self.collected.came.push(poem.task);
        self.collected.poems.push(poem);
    }
}

impl Handler<Down> for Main {
    type Result = ();

    /// Stands in the mailbox behind the poem that the process sent before it ended.
    fn handle(&mut self, down: Down, ctx: &mut Self::Context) {
        let Some(task) = self.tasks.remove(&down.monitor) else { return };
        if down.reason != ExitReason::Normal {
            if self.flags.readable {
                println!("Task {task}: {}", down.reason);
            } else {
                println!("=ERROR REPORT= process {} of task {task} {}", down.pid, down.reason);
            }
            self.collected.crashed.push((task, down.reason));
        }
        self.end_if_all_are_down(ctx);
    }
}
