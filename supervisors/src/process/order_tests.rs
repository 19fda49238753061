//! What comes behind a signal: to whoever sent both, in the order they were sent (OTP-164). Found by
//! `examples/process_differential`.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;

use crate::supervisor::{ChildSpec, StartError};
use crate::{CallError, ContextExt, Down, Exit, ExitReason, Node, Process, Ref, RegisterError, this_process};

type Log = Arc<Mutex<Vec<String>>>;
type Order = Box<dyn FnOnce(&mut Context<Peer>) + Send>;

/// Does as it is told, and writes down what it hears.
struct Peer(Log);

impl Peer {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }
}

impl Actor for Peer {
    type Context = Context<Self>;

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.say(format!("terminate: {}", ctx.stop_reason().unwrap_or(ExitReason::Normal)));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Do(Order);

impl Handler<Do> for Peer {
    type Result = ();

    fn handle(&mut self, Do(order): Do, ctx: &mut Self::Context) {
        order(ctx);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Say(&'static str);

impl Handler<Say> for Peer {
    type Result = ();

    fn handle(&mut self, Say(what): Say, _: &mut Self::Context) {
        self.say(what);
    }
}

impl Handler<Exit> for Peer {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.say(format!("exit: {}", exit.reason));
    }
}

impl Handler<Down> for Peer {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.say(format!("down: {}", down.reason));
    }
}

struct Rig {
    node: Node,
    log: Log,
}

impl Rig {
    async fn peer(&self) -> (Ref<Peer>, Process) {
        let peer = self.node.spawn(Peer(Arc::clone(&self.log)));
        let process = peer.process().expect("it was started");
        settle().await;
        (peer, process)
    }

    async fn does(&self, peer: &Ref<Peer>, order: impl FnOnce(&mut Context<Peer>) + Send + 'static) {
        peer.cast(Do(Box::new(order)));
        settle().await;
    }

    fn heard(&self) -> Vec<String> {
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

/// A child of `parent` that traps exits.
async fn child_of(rig: &Rig, parent: &Ref<Peer>) -> Ref<Peer> {
    let (node, log, born) = (rig.node.clone(), Arc::clone(&rig.log), Arc::new(Mutex::new(None)));
    let told = Arc::clone(&born);
    rig.does(parent, move |_| *told.lock() = Some(node.spawn_link(Peer(log)))).await;
    let child = born.lock().take().expect("it was started");
    rig.does(&child, |ctx| ctx.trap_exit(true)).await;
    child
}

/// OTP-164, OTP-181.
#[test]
fn the_end_of_a_parent_is_heard_behind_what_it_had_sent() {
    run(async |rig| {
        let (parent, _) = rig.peer().await;
        let child = child_of(&rig, &parent).await;
        let to = child.clone();
        rig.does(&parent, move |ctx| {
            to.cast(Say("one"));
            to.cast(Say("two"));
            ctx.exit(ExitReason::Shutdown);
        })
        .await;
        assert_eq!(rig.heard(), ["terminate: shutdown", "one", "two", "terminate: shutdown"]);
    });
}

/// OTP-181: `sys:suspend` does not keep it from that.
#[test]
fn the_end_of_a_parent_ends_a_child_that_opens_no_mail() {
    run(async |rig| {
        let (parent, above) = rig.peer().await;
        let child = child_of(&rig, &parent).await.process().expect("it runs");
        child.suspend();
        above.kill();
        settle().await;
        assert_eq!(child.exit_reason(), Some(ExitReason::Killed));
        assert_eq!(rig.heard(), ["terminate: killed"]);
    });
}

/// OTP-161, OTP-158: and it is told when the name is free.
#[test]
fn a_monitor_behind_a_kill_finds_nobody() {
    run(async |rig| {
        let (watcher, watching) = rig.peer().await;
        let (_, victim) = rig.peer().await;
        let (dies, to) = (victim.clone(), watcher.clone());
        watching.monitor(&watcher);
        rig.does(&watcher, move |_| {
            let early = dies.monitor(&to);
            dies.kill();
            let late = dies.monitor(&to);
            assert!(early.id() < late.id());
        })
        .await;
        assert_eq!(rig.heard(), ["down: killed", "down: no such process"], "and none of its own");
        assert_eq!(victim.exit_reason(), Some(ExitReason::Killed));
    });
}

/// OTP-153, OTP-164.
#[test]
fn a_link_behind_a_kill_finds_nobody() {
    run(async |rig| {
        let (linking, _) = rig.peer().await;
        rig.does(&linking, |ctx| ctx.trap_exit(true)).await;
        let (_, victim) = rig.peer().await;
        rig.does(&linking, move |_| {
            victim.kill();
            this_process().expect("it runs").link(&victim);
        })
        .await;
        let (_, linked) = rig.peer().await;
        rig.does(&linking, move |_| {
            let me = this_process().expect("it runs");
            me.link(&linked);
            linked.kill();
            me.link(&linked);
        })
        .await;
        assert_eq!(rig.heard(), ["exit: no such process", "exit: killed"], "it was linked already");
    });
}

/// OTP-170.
#[test]
fn a_call_behind_a_kill_finds_nobody() {
    run(async |rig| {
        let (victim, process) = rig.peer().await;
        let early = victim.call(Say("never"));
        process.kill();
        let late = victim.call(Say("never"));
        assert_eq!(late.await, Err(CallError::NoProc));
        assert_eq!(early.await, Err(CallError::Exit(ExitReason::Killed)));
        assert_eq!(rig.heard(), [""; 0]);
    });
}

/// OTP-183, as OTP-170.
#[test]
fn a_stop_of_oneself_is_refused_and_does_nothing() {
    run(async |rig| {
        let (peer, process) = rig.peer().await;
        let (me, log) = (peer.clone(), Arc::clone(&rig.log));
        rig.does(&peer, move |ctx| {
            let stop = async move { me.stop(ExitReason::Shutdown, Duration::from_secs(1)).await };
            ctx.spawn(stop.into_actor(&Peer(Arc::clone(&log))).map(move |stopped, peer, _| {
                peer.say(format!("{stopped:?}"));
            }));
        })
        .await;
        assert_eq!(rig.heard(), ["Err(CallingSelf)"]);
        assert!(process.is_alive());
    });
}

/// OTP-185.
#[test]
fn not_even_the_start_function_runs_if_the_name_is_taken() {
    run(async |rig| {
        let holder = rig.node.spawn_named("name", Peer(Arc::clone(&rig.log))).expect("free");
        let holder = holder.process().expect("it runs").pid();
        let log = Arc::clone(&rig.log);
        let spec = ChildSpec::<Peer>::fallible("s", move || {
            log.lock().push("started".to_owned());
            Err(StartError::Ignore)
        });
        let started = rig.node.start(spec.named("name")).await;
        assert_eq!(started.err(), Some(ExitReason::AlreadyStarted(holder)));
        assert_eq!(rig.heard(), [""; 0]);
    });
}

/// OTP-186.
#[test]
fn a_name_can_be_taken_from_whoever_has_it_and_nobody_has_it_then() {
    run(async |rig| {
        let node = &rig.node;
        assert_eq!(node.unregister("name"), Err(RegisterError::Unknown { name: "name".into() }));
        let (one, first) = rig.peer().await;
        let (two, second) = rig.peer().await;
        for _ in 0..3 {
            node.register("name", &one).expect("free");
            let taken = RegisterError::Taken { name: "name".into(), holder: first.clone() };
            assert_eq!(node.register("name", &one), Err(taken.clone()), "by itself, too");
            assert_eq!(node.register("name", &two), Err(taken));
            node.unregister("name").expect("it has it");
            assert_eq!(node.whereis("name"), None);
        }
        node.register("name", &two).expect("free");
        node.register("other", &two).expect("a second name (OTP-188)");
        first.kill();
        first.exited().await;
        assert_eq!(node.whereis("name"), Some(second.clone()), "it is no longer the first one's to free");
        second.kill();
        second.exited().await;
        assert_eq!((node.whereis("name"), node.whereis("other")), (None, None));
        assert!(matches!(node.register("name", &two), Err(RegisterError::Dead { .. })));
    });
}
