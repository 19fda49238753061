//! A process that does as it is told and writes down what it sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::fut::{self, ActorFutureExt, WrapFuture};
use actix::{Actor, ActorResponse, Context, Handler, Message};
use supervisors::{
    ContextExt, Down, Exit, ExitReason, Monitor, MonitorId, Node, Pid, Process, Timer, this_process,
};
use tokio::sync::oneshot;

use super::super::case::{Begin, Id, Init, Order, Request};
use super::{Shared, terms};

pub(super) struct Player {
    pub(super) node: Node,
    pub(super) shared: Arc<Shared>,
    plain: bool,
    first: First,
    /// It ended before it was a server, and has no last word.
    quiet: bool,
    pub(super) monitors: Vec<(MonitorId, Option<Monitor>)>,
    pending: Vec<(oneshot::Sender<u32>, GivenUp)>,
    pub(super) timers: Vec<Timer>,
}

/// What it does when it starts.
enum First {
    Look,
    Begin(Begin),
    Init { id: Id, init: Init, parent: Option<Pid> },
}

/// Set by a caller that waits no longer.
pub(super) type GivenUp = Arc<AtomicBool>;

impl Player {
    fn new(node: &Node, shared: &Arc<Shared>, plain: bool, first: First) -> Self {
        Self {
            node: node.clone(),
            shared: Arc::clone(shared),
            plain,
            first,
            quiet: false,
            monitors: Vec::new(),
            pending: Vec::new(),
            timers: Vec::new(),
        }
    }

    pub(super) fn onlooker(node: &Node, shared: &Arc<Shared>) -> Self {
        Self::new(node, shared, true, First::Look)
    }

    pub(super) fn spawned(&self, plain: bool, begin: Begin) -> Self {
        Self::new(&self.node, &self.shared, plain, First::Begin(begin))
    }

    pub(super) fn server(node: &Node, shared: &Arc<Shared>, id: Id, init: Init, parent: Option<Pid>) -> Self {
        Self::new(node, shared, false, First::Init { id, init, parent })
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// A line of its own.
    pub(super) fn say(&self, what: &str) {
        let me = self.label();
        self.shared.write(format!("{me} {me} {what}"));
    }

    fn heard(&self, from: &str, what: &str) {
        self.shared.write(format!("{} {from} {what}", self.label()));
    }

    pub(super) fn label(&self) -> String {
        self.shared.label(me().pid())
    }

    /// Answers whoever waits.
    pub(super) fn reply(&mut self) {
        for (reply, given_up) in self.pending.drain(..) {
            self.shared.hit(if given_up.load(Ordering::Relaxed) { 167 } else { 175 });
            let _ = reply.send(9);
        }
    }

    fn freed(&self, pid: Pid) -> &'static str {
        if self.shared.lives.lock().named.contains(&pid) {
            self.shared.hit(158);
            self.shared.hit(187);
        }
        let held = |name| self.node.whereis(name).is_some_and(|holder| holder.pid() == pid);
        if held("x") || held("y") { "held" } else { "free" }
    }
}

/// The process whose turn it is.
pub(super) fn me() -> Process {
    this_process().expect("a handler runs in a process")
}

impl Actor for Player {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.shared.lives.lock().ran.insert(me().pid());
        match self.first {
            First::Look => ctx.trap_exit(true),
            First::Begin(Begin::Run) => {}
            First::Begin(Begin::Crash) => panic!("boom"),
            First::Begin(Begin::End(reason)) => {
                self.quiet = true;
                return ctx.exit(terms::reason(reason));
            }
            First::Init { id, init, parent } => {
                let myself = ctx.myself().expect("it is a process");
                self.shared.enrol(id, &myself, false, parent);
                match init {
                    Init::Trap => ctx.trap_exit(true),
                    Init::Crash => panic!("boom"),
                    Init::Continue => {
                        myself.cast(Msg { from: self.label(), number: 0 });
                        ctx.continue_with(|player, _| player.say("continued"));
                    }
                    _ => {}
                }
            }
        }
        if !self.plain {
            ctx.on_panic(|player, reason| player.say(&format!("terminate {}", terms::term(reason))));
        }
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        if !self.plain && !self.quiet {
            let reason = ctx.stop_reason().unwrap_or(ExitReason::Normal);
            self.say(&format!("terminate {}", terms::term(&reason)));
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Do(pub(super) Vec<Order>);

impl Handler<Do> for Player {
    type Result = ();

    fn handle(&mut self, Do(orders): Do, ctx: &mut Self::Context) {
        self.run(orders.into(), ctx);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Msg {
    pub(super) from: String,
    pub(super) number: u32,
}

impl Handler<Msg> for Player {
    type Result = ();

    fn handle(&mut self, Msg { from, number }: Msg, _: &mut Self::Context) {
        self.heard(&from, &format!("msg {number}"));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Cast {
    pub(super) from: String,
    pub(super) number: u32,
}

impl Handler<Cast> for Player {
    type Result = ();

    fn handle(&mut self, Cast { from, number }: Cast, _: &mut Self::Context) {
        self.heard(&from, &format!("cast {number}"));
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
pub(super) struct Req {
    pub(super) from: String,
    pub(super) kind: Request,
    pub(super) given_up: GivenUp,
}

impl Handler<Req> for Player {
    type Result = ActorResponse<Self, u32>;

    fn handle(&mut self, Req { from, kind, given_up }: Req, ctx: &mut Self::Context) -> Self::Result {
        self.heard(&from, &format!("call {kind}"));
        let never = || ActorResponse::r#async(fut::wrap_future(std::future::pending()));
        match kind {
            Request::Answer => ActorResponse::reply(7),
            Request::Later => {
                let (reply, answer) = oneshot::channel();
                self.pending.push((reply, given_up));
                // Dropped with its actor, so it is always sent something.
                ActorResponse::r#async(answer.into_actor(self).map(|answer, _, _| answer.unwrap_or(0)))
            }
            Request::Never => never(),
            Request::Stop(reason) => {
                ctx.exit(terms::reason(reason));
                never()
            }
            Request::ReplyStop(reason) => {
                self.shared.hit(174);
                ctx.exit(terms::reason(reason));
                ActorResponse::reply(8)
            }
            Request::Crash => panic!("boom"),
            Request::KillSelf => {
                me().kill();
                never()
            }
        }
    }
}

impl Handler<Exit> for Player {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        let freed = self.freed(exit.from);
        self.heard(&self.shared.label(exit.from), &format!("exit {} {freed}", terms::term(&exit.reason)));
    }
}

impl Handler<Down> for Player {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.shared.hit(160);
        if down.reason == ExitReason::NoProc {
            self.shared.hit(161);
        }
        let freed = self.freed(down.pid);
        let number = self.monitors.iter().position(|(id, _)| *id == down.monitor).map_or(0, |at| at + 1);
        let (from, who) = match &down.name {
            Some(name) => (self.label(), name.to_string()),
            None => (self.shared.label(down.pid), self.shared.label(down.pid)),
        };
        self.heard(&from, &format!("down m{number} {who} {} {freed}", terms::term(&down.reason)));
    }
}
