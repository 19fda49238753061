//! Exit signals and links, rule by rule (section P of the conformance list), and what is left of section Q.

use std::sync::Arc;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;

use crate::{ContextExt, Down, Exit, ExitReason, Node, Process, Ref};

type Log = Arc<Mutex<Vec<String>>>;

/// Does as it is told, and writes down what it hears.
struct Peer {
    log: Log,
    traps: bool,
}

impl Actor for Peer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.trap_exit(self.traps);
    }
}

impl Handler<Exit> for Peer {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.log.lock().push(format!("exit: {}", exit.reason));
    }
}

impl Handler<Down> for Peer {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.log.lock().push(format!("down: {}", down.reason));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
enum Do {
    Nothing,
    Say(&'static str),
    End(ExitReason),
    Panic,
    /// Sends an exit signal to oneself.
    ExitSelf(ExitReason),
    Link(Process),
    /// Says something to somebody, then ends.
    SayAndEnd(Ref<Peer>, ExitReason),
}

impl Handler<Do> for Peer {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Self::Context) {
        let me = crate::this_process().expect("a handler runs in a process");
        match what {
            Do::Nothing => {}
            Do::Say(what) => self.log.lock().push(what.to_owned()),
            Do::End(reason) => ctx.exit(reason),
            Do::Panic => panic!("as asked"),
            Do::ExitSelf(reason) => me.exit(reason),
            Do::Link(other) => me.link(&other),
            Do::SayAndEnd(to, reason) => {
                to.cast(Do::Say("one"));
                to.cast(Do::Say("two"));
                ctx.exit(reason);
            }
        }
    }
}

struct Rig {
    node: Node,
    log: Log,
}

impl Rig {
    async fn peer(&self, traps: bool) -> (Ref<Peer>, Process) {
        let peer = self.node.spawn(Peer { log: Arc::clone(&self.log), traps });
        peer.call(Do::Nothing).await.expect("it runs");
        let process = peer.process().expect("it runs");
        (peer, process)
    }

    async fn heard(&self, peer: &Ref<Peer>) -> Vec<String> {
        peer.call(Do::Nothing).await.expect("it lives");
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

fn reasons() -> [ExitReason; 5] {
    [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::Killed,
        ExitReason::Kill,
        ExitReason::failed("boom"),
    ]
}

/// OTP-150, too: a process that ends by itself with `kill`.
#[test]
fn otp_148_a_linked_process_that_does_not_trap_dies_of_the_same_reason_but_normal() {
    run(async |rig| {
        for reason in reasons() {
            let (one, first) = rig.peer(false).await;
            let (two, second) = rig.peer(false).await;
            first.link(&second);
            one.cast(Do::End(reason.clone()));
            assert_eq!(first.exited().await, reason);
            if reason == ExitReason::Normal {
                two.call(Do::Nothing).await.expect("normal ends nobody else");
            } else {
                assert_eq!(second.exited().await, reason, "OTP-150: `kill` by itself is passed on as it is");
            }
        }
    });
}

#[test]
fn otp_148_a_linked_process_that_traps_hears_every_reason_and_lives() {
    run(async |rig| {
        let (watcher, watching) = rig.peer(true).await;
        for reason in reasons() {
            let (one, first) = rig.peer(false).await;
            first.link(&watching);
            one.cast(Do::End(reason.clone()));
            first.exited().await;
            assert_eq!(rig.heard(&watcher).await, [format!("exit: {reason}")]);
        }
        let (one, first) = rig.peer(false).await;
        first.link(&watching);
        one.cast(Do::Panic);
        first.exited().await;
        assert!(rig.heard(&watcher).await[0].starts_with("exit: panicked at "));
    });
}

/// OTP-150, too: `killed` that is sent.
#[test]
fn otp_149_a_kill_cannot_be_trapped_and_is_heard_as_killed() {
    run(async |rig| {
        let (watcher, watching) = rig.peer(true).await;
        for kill in [Process::kill, |process: &Process| process.exit(ExitReason::Kill)] {
            let (_, victim) = rig.peer(true).await;
            victim.link(&watching);
            kill(&victim);
            assert_eq!(victim.exited().await, ExitReason::Killed);
            assert_eq!(rig.heard(&watcher).await, ["exit: killed"], "ordinary and trappable to its links");
        }
        let (sturdy, process) = rig.peer(true).await;
        process.exit(ExitReason::Killed);
        assert_eq!(rig.heard(&sturdy).await, ["exit: killed"], "OTP-150: exit(P, killed) is ordinary");
    });
}

#[test]
fn otp_151_152_exit_needs_no_link_and_normal_is_special() {
    run(async |rig| {
        let (plain, process) = rig.peer(false).await;
        process.exit(ExitReason::Normal);
        plain.call(Do::Nothing).await.expect("normal from somebody else is ignored");
        process.exit(ExitReason::failed("boom"));
        assert_eq!(process.exited().await, ExitReason::failed("boom"));
        process.exit(ExitReason::failed("again"));
        let (trapping, process) = rig.peer(true).await;
        process.exit(ExitReason::Normal);
        process.exit(ExitReason::failed("boom"));
        assert_eq!(rig.heard(&trapping).await, ["exit: normal", "exit: boom"]);
        let (plain, process) = rig.peer(false).await;
        plain.cast(Do::ExitSelf(ExitReason::Normal));
        assert_eq!(process.exited().await, ExitReason::Normal, "the one exception: to oneself");
        let (trapping, _) = rig.peer(true).await;
        trapping.cast(Do::ExitSelf(ExitReason::Normal));
        assert_eq!(rig.heard(&trapping).await, ["exit: normal"]);
    });
}

#[test]
fn otp_153_a_link_to_the_dead_is_noproc() {
    run(async |rig| {
        let (_, dead) = rig.peer(false).await;
        dead.kill();
        dead.exited().await;
        let (trapping, _) = rig.peer(true).await;
        trapping.cast(Do::Link(dead.clone()));
        assert_eq!(rig.heard(&trapping).await, ["exit: no such process"]);
        let (plain, process) = rig.peer(false).await;
        plain.cast(Do::Link(dead));
        assert_eq!(process.exited().await, ExitReason::NoProc);
    });
}

#[test]
fn otp_154_links_are_symmetric_and_single_and_none_to_oneself() {
    run(async |rig| {
        let (one, first) = rig.peer(false).await;
        let (two, second) = rig.peer(false).await;
        first.link(&second);
        second.link(&first);
        assert_eq!((first.links(), second.links()), (vec![second.pid()], vec![first.pid()]));
        second.unlink(&first);
        assert_eq!((first.links(), second.links()), (vec![], vec![]));
        first.link(&first);
        assert_eq!(first.links(), vec![]);
        one.cast(Do::End(ExitReason::failed("boom")));
        first.exited().await;
        two.call(Do::Nothing).await.expect("the link is gone");
    });
}

#[test]
fn otp_155_no_exit_comes_after_unlink_and_one_in_the_mailbox_stays() {
    run(async |rig| {
        let (watcher, watching) = rig.peer(true).await;
        let (_, early) = rig.peer(false).await;
        let (_, late) = rig.peer(false).await;
        early.link(&watching);
        late.link(&watching);
        early.kill();
        early.exited().await;
        watching.unlink(&early);
        watching.unlink(&late);
        late.kill();
        late.exited().await;
        assert_eq!(rig.heard(&watcher).await, ["exit: killed"]);
    });
}

#[test]
fn otp_156_spawn_link_misses_no_end() {
    struct Parent(Node, Log);
    struct Brief;
    impl Actor for Brief {
        type Context = Context<Self>;
        fn started(&mut self, _: &mut Self::Context) {
            panic!("at once");
        }
    }
    impl Actor for Parent {
        type Context = Context<Self>;
        fn started(&mut self, ctx: &mut Self::Context) {
            ctx.trap_exit(true);
            self.0.spawn_link(Brief);
        }
    }
    impl Handler<Exit> for Parent {
        type Result = ();
        fn handle(&mut self, exit: Exit, ctx: &mut Self::Context) {
            self.1.lock().push(exit.reason.to_string());
            ctx.stop();
        }
    }
    run(async |rig| {
        let parent = rig.node.spawn(Parent(rig.node.clone(), Arc::clone(&rig.log)));
        parent.process().expect("it runs").exited().await;
        assert!(rig.log.lock()[0].ends_with("at once"));
    });
}

#[test]
fn otp_163_a_flushed_down_is_not_handled() {
    run(async |rig| {
        let (watcher, watching) = rig.peer(false).await;
        let (_, victim) = rig.peer(false).await;
        watching.suspend();
        let (kept, flushed, early) =
            (victim.monitor(&watcher), victim.monitor(&watcher), victim.monitor(&watcher));
        assert!(early.demonitor_flush(), "still active");
        victim.kill();
        victim.exited().await;
        assert!(!flushed.demonitor_flush(), "it had fired: a flush was needed");
        assert!(!kept.demonitor(), "it had fired");
        watching.resume();
        assert_eq!(rig.heard(&watcher).await, ["down: killed"]);
    });
}

#[test]
fn otp_164_two_messages_and_then_the_death_arrive_in_that_order() {
    run(async |rig| {
        for _ in 0..200 {
            let (watcher, watching) = rig.peer(true).await;
            let (dying, process) = rig.peer(false).await;
            process.link(&watching);
            process.monitor(&watcher);
            dying.cast(Do::SayAndEnd(watcher.clone(), ExitReason::failed("boom")));
            process.exited().await;
            assert_eq!(rig.heard(&watcher).await, ["one", "two", "exit: boom", "down: boom"]);
        }
    });
}

#[test]
fn a_suspended_process_keeps_its_mail_and_can_still_be_ended() {
    run(async |rig| {
        let (peer, process) = rig.peer(false).await;
        process.suspend();
        peer.cast(Do::Say("later"));
        let answer = peer.call(Do::Nothing).within(std::time::Duration::from_secs(1)).await;
        assert_eq!(answer, Err(crate::CallError::Timeout(std::time::Duration::from_secs(1))));
        assert_eq!((rig.log.lock().len(), process.mailbox_len()), (0, 2));
        process.resume();
        assert_eq!(rig.heard(&peer).await, ["later"]);
        process.suspend();
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
    });
}

#[test]
fn spawn_monitor_watches_from_the_first_moment() {
    run(async |rig| {
        let (watcher, _) = rig.peer(false).await;
        let log = Arc::clone(&rig.log);
        let (brief, monitor) = rig.node.spawn_monitor(Peer { log, traps: false }, &watcher);
        brief.cast(Do::End(ExitReason::Normal));
        brief.process().expect("it has not run yet").exited().await;
        assert_eq!(rig.heard(&watcher).await, ["down: normal"]);
        assert!(!monitor.demonitor(), "it had fired");
    });
}
