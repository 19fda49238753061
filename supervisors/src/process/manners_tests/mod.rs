//! A gen_server's manners, rule by rule (section S of the conformance list), and timers and names (sections Q and R).

mod ends;
mod names;
mod starts;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::Process;
use crate::supervisor::{ChildSpec, StartError};
use crate::{
    CallError, ContextExt, Down, Exit, ExitReason, Node, Ref, RegisterError, SpawnOptions, this_process,
};

type Log = Arc<Mutex<Vec<String>>>;
type Order = Box<dyn FnOnce(&mut Server, &mut Context<Server>) + Send>;

const SECOND: Duration = Duration::from_secs(1);

/// Does as it is told, and writes down its life.
struct Server {
    log: Log,
    begin: Option<Order>,
}

impl Server {
    fn say(&self, what: impl Into<String>) {
        self.log.lock().push(what.into());
    }
}

impl Actor for Server {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(begin) = self.begin.take() {
            begin(self, ctx);
        }
        self.say("started");
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        let reason = ctx.stop_reason().map_or("none".to_owned(), |reason| reason.to_string());
        self.say(format!("terminate: {reason}"));
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Do(Order);

impl Handler<Do> for Server {
    type Result = u32;

    fn handle(&mut self, Do(order): Do, ctx: &mut Self::Context) -> u32 {
        order(self, ctx);
        7
    }
}

/// Answered later.
#[derive(Message)]
#[rtype(result = "&'static str")]
struct Later;

impl Handler<Later> for Server {
    type Result = ResponseActFuture<Self, &'static str>;

    fn handle(&mut self, _: Later, _: &mut Self::Context) -> Self::Result {
        Box::pin(tokio::time::sleep(SECOND).into_actor(self).map(|(), this, _| {
            this.say("replied later");
            "later"
        }))
    }
}

impl Handler<Exit> for Server {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.say(format!("exit: {}", exit.reason));
    }
}

impl Handler<Down> for Server {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.say(format!("down: {:?} {} {}", down.name, down.pid, down.reason));
    }
}

fn order(order: impl FnOnce(&mut Server, &mut Context<Server>) + Send + 'static) -> Do {
    Do(Box::new(order))
}

fn say(what: &'static str) -> Do {
    order(move |server, _| server.say(what))
}

struct Rig {
    node: Node,
    log: Log,
}

impl Rig {
    fn server(&self) -> Server {
        Server { log: Arc::clone(&self.log), begin: None }
    }

    fn beginning(&self, begin: impl FnOnce(&mut Server, &mut Context<Server>) + Send + 'static) -> Server {
        Server { begin: Some(Box::new(begin)), ..self.server() }
    }

    /// One that runs.
    async fn running(&self) -> (Ref<Server>, Process) {
        let server = self.node.spawn(self.server());
        server.call(say("here")).await.expect("it runs");
        self.log.lock().clear();
        let process = server.process().expect("it runs");
        (server, process)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock())
    }
}

fn run(test: impl AsyncFnOnce(Rig)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async {
        test(Rig { node: Node::builder().seed(1).build(), log: Log::default() }).await;
    });
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// OTP-170.
#[test]
fn a_call_to_oneself_is_refused_and_a_call_to_nobody_is_noproc() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        let (me, log) = (server.clone(), Arc::clone(&rig.log));
        let asked = server.call(order(move |server, ctx| {
            let call = me.call(say("never"));
            ctx.spawn(call.into_actor(server).map(move |answer, _, _| {
                log.lock().push(format!("{answer:?}"));
            }));
        }));
        assert_eq!(asked.await, Ok(7));
        settle().await;
        assert_eq!(rig.seen(), ["Err(CallingSelf)"]);
        assert_eq!(server.call(say("fine")).await, Ok(7), "from outside it is no call to oneself");
        process.kill();
        process.exited().await;
        assert_eq!(server.call(say("never")).await, Err(CallError::NoProc));
        let unknown = rig.node.named::<Server>("unknown").expect("free");
        assert_eq!(unknown.call(say("never")).await, Err(CallError::NoProc));
    });
}

/// OTP-175.
#[test]
fn an_answer_may_come_later_while_others_are_served() {
    run(async |rig| {
        let (server, _) = rig.running().await;
        let later = server.call(Later);
        assert_eq!(server.call(say("between")).await, Ok(7));
        assert_eq!(later.await, Ok("later"));
        assert_eq!(rig.seen(), ["between", "replied later"]);
    });
}

/// OTP-176.
#[test]
fn a_cast_never_fails() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        process.kill();
        process.exited().await;
        server.cast(say("to the dead"));
        rig.node.named::<Server>("unknown").expect("free").cast(say("to nobody"));
        assert_eq!(server.try_cast(say("to the dead")), Err(CallError::NoProc), "this one tells");
    });
}

fn idle(server: &mut Server, ctx: &mut Context<Server>, limit: Duration) {
    let _ = server;
    ctx.idle_timeout(Some(limit), |server, _| server.say("idle"));
}

/// OTP-177.
#[test]
fn an_idle_server_is_told_once_unless_a_message_comes_first() {
    run(async |rig| {
        let (server, _) = rig.running().await;
        server.call(order(|server, ctx| idle(server, ctx, 2 * SECOND))).await.expect("it lives");
        tokio::time::sleep(SECOND).await;
        assert_eq!(rig.seen(), [""; 0]);
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(rig.seen(), ["idle"], "once");

        server.call(order(|server, ctx| idle(server, ctx, 2 * SECOND))).await.expect("it lives");
        tokio::time::sleep(SECOND).await;
        server.call(say("a message")).await.expect("it lives");
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(rig.seen(), ["a message"], "it cancels");

        // Another in the same turn cancels, too; and asking again replaces.
        server.cast(order(|server, ctx| idle(server, ctx, SECOND)));
        server.cast(say("at once"));
        tokio::time::sleep(10 * SECOND).await;
        server.cast(order(|server, ctx| idle(server, ctx, SECOND)));
        server.cast(order(|server, ctx| idle(server, ctx, 5 * SECOND)));
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(rig.seen(), ["at once"]);
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(rig.seen(), ["idle"]);
    });
}

/// OTP-177: time-out 0.
#[test]
fn a_message_that_waits_wins_over_no_time_at_all() {
    run(async |rig| {
        let (server, process) = rig.running().await;
        process.suspend();
        server.cast(order(|server, ctx| idle(server, ctx, Duration::ZERO)));
        server.cast(say("first"));
        process.resume();
        settle().await;
        assert_eq!(rig.seen(), ["first"]);
        server.cast(order(|server, ctx| idle(server, ctx, Duration::ZERO)));
        settle().await;
        assert_eq!(rig.seen(), ["idle"]);
    });
}

/// OTP-178.
#[test]
fn what_is_to_be_continued_with_goes_before_mail_that_was_there_first() {
    run(async |rig| {
        let server = rig.node.spawn(rig.beginning(|_, ctx| {
            ctx.continue_with(|server, ctx| {
                server.say("continued");
                ctx.continue_with(|server, _| server.say("and again"));
            });
        }));
        server.cast(order(|server, ctx| {
            server.say("mail");
            ctx.continue_with(|server, _| server.say("after mail"));
        }));
        server.cast(say("more mail"));
        settle().await;
        assert_eq!(rig.seen(), ["started", "continued", "and again", "mail", "after mail", "more mail"]);
    });
}
