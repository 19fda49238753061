//! What a process is told to do.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::fut::{ActorFutureExt, WrapFuture};
use actix::{AsyncContext, Context};
use supervisors::supervisor::{ChildSpec, StartError};
use supervisors::{CallError, ContextExt, ExitReason, Monitor, Ref, this_process};

use super::super::case::{Begin, Id, Init, Order, Reason, Request, Target, Tie};
use super::player::{Cast, GivenUp, Msg, Player, Req, me};
use super::terms::{error, limit, reason, term};

type Ctx = Context<Player>;

/// Whether to go on with the next order.
enum Then {
    Next,
    /// The rest is done later, or never.
    Leave,
}

impl Player {
    pub(super) fn run(&mut self, mut orders: VecDeque<Order>, ctx: &mut Ctx) {
        while let Some(order) = orders.pop_front() {
            if let Then::Leave = self.order(order, &mut orders, ctx) {
                return;
            }
        }
    }

    fn order(&mut self, order: Order, rest: &mut VecDeque<Order>, ctx: &mut Ctx) -> Then {
        match order {
            Order::Spawn { id, plain, tie, begin } => self.spawn(id, plain, tie, begin, ctx),
            Order::Start { id, .. } if self.is_taken(id) => {}
            Order::Start { id, link, name, init, limit } => {
                let rest = std::mem::take(rest);
                let start = self.start(id, link, name, init, limit);
                return self.wait(start, rest, ctx);
            }
            Order::Send(to, number) => self.send(to, number),
            Order::Cast(to, number) => self.cast(to, number),
            Order::Call(to, kind, within) => {
                let Some(target) = self.target(to) else { return Then::Next };
                self.count_call(&target);
                let (call, given_up) = self.call(&target, kind);
                let call = match limit(within) {
                    Some(limit) => call.within(limit),
                    None => call.forever(),
                };
                let shared = Arc::clone(&self.shared);
                let answer = async move {
                    let answer = call.await;
                    match &answer {
                        Err(CallError::Timeout(_)) => {
                            given_up.store(true, Ordering::Relaxed);
                            shared.hit(169);
                        }
                        Err(CallError::Exit(_)) => shared.hit(171),
                        _ => {}
                    }
                    format!("call -> {}", answer.map_or_else(|it| error(&it), |answer| answer.to_string()))
                };
                return self.wait(answer, std::mem::take(rest), ctx);
            }
            Order::Reply => self.reply(),
            Order::Stop(to, why, within) => {
                let Some(target) = self.target(to) else { return Then::Next };
                self.shared.hit(183);
                let answer = async move {
                    let stopped = target.stop(reason(why), limit(within)).await;
                    format!("stop -> {}", stopped.map_or_else(|it| error(&it), |()| "ok".to_owned()))
                };
                return self.wait(answer, std::mem::take(rest), ctx);
            }
            Order::Link(id) => return self.link(id),
            Order::Unlink(id) => self.unlink(id),
            Order::Monitor(to) => self.monitor(to, ctx),
            Order::Demonitor { number, flush, info } => self.demonitor(number, flush, info),
            Order::Trap(flag) => ctx.trap_exit(flag),
            Order::Exit(id, why) => return self.exit(id, why),
            Order::End(why) => {
                self.shared.hit(if why == Reason::Kill { 150 } else { 147 });
                ctx.exit(reason(why));
                return Then::Leave;
            }
            Order::Crash => {
                self.shared.hit(147);
                if !self.is_plain() {
                    self.shared.hit(172);
                }
                panic!("boom");
            }
            Order::Register(name, id) => self.register(name, id),
            Order::Unregister(name) => {
                self.shared.hit(186);
                let done = self.node.unregister(&name.to_string());
                self.say(&format!("unregister -> {}", if done.is_ok() { "true" } else { "badarg" }));
            }
            Order::Whereis(name) => {
                self.shared.hit(186);
                let found = self.node.whereis(&name.to_string());
                let label = found.map_or("undefined".to_owned(), |found| self.shared.label(found.pid()));
                self.say(&format!("whereis -> {label}"));
            }
            Order::Idle(millis) => {
                if !self.is_plain() {
                    self.shared.hit(177);
                    ctx.idle_timeout(Some(Duration::from_millis(millis)), |player, _| player.say("idle"));
                }
                return Then::Leave;
            }
            Order::Continue => {
                self.shared.hit(178);
                let rest = std::mem::take(rest);
                ctx.continue_with(move |player, ctx| {
                    player.say("continued");
                    player.run(rest, ctx);
                });
                return Then::Leave;
            }
            Order::Timer(to, millis) => {
                if let Some(target) = self.target(to) {
                    self.shared.hit(168);
                    let message = Msg { from: self.label(), number: 99 };
                    self.timers.push(target.send_after(message, Duration::from_millis(millis)));
                }
            }
            Order::Cancel => match self.timers.last() {
                None => self.say("cancel none"),
                Some(timer) => {
                    self.shared.hit(168);
                    self.say(if timer.cancel().is_some() { "cancel -> left" } else { "cancel -> false" });
                }
            },
        }
        Then::Next
    }

    /// Waits for `what`, says it, and goes on with `rest`; no mail is opened meanwhile.
    fn wait(
        &mut self,
        what: impl Future<Output = String> + 'static,
        rest: VecDeque<Order>,
        ctx: &mut Ctx,
    ) -> Then {
        let pid = me().pid();
        self.shared.lives.lock().busy.insert(pid);
        ctx.wait(what.into_actor(self).map(move |said, player: &mut Self, ctx: &mut Ctx| {
            player.shared.lives.lock().busy.remove(&pid);
            player.say(&said);
            player.run(rest, ctx);
        }));
        Then::Leave
    }

    /// Whoever is meant; says so if nobody ever was.
    fn target(&self, to: Target) -> Option<Ref<Self>> {
        match to {
            Target::Name(name) => Some(self.node.named(&name.to_string()).expect("all are players")),
            Target::Id(id) => {
                let life = self.shared.find(id);
                if life.is_none() {
                    self.say("none");
                }
                life.map(|life| life.reference)
            }
        }
    }

    /// One id, one life.
    fn is_taken(&self, id: Id) -> bool {
        let alive = self.shared.find(id).is_some_and(|life| life.process.is_alive());
        if alive {
            self.say("alive");
        }
        alive
    }

    fn knows(&mut self, monitor: Monitor) -> usize {
        self.monitors.push((monitor.id(), Some(monitor)));
        self.monitors.len()
    }

    fn spawn(&mut self, id: Id, plain: bool, tie: Tie, begin: Begin, ctx: &mut Ctx) {
        if self.is_taken(id) {
            return;
        }
        let child = self.spawned(plain, begin);
        let (child, said) = match tie {
            Tie::None => (self.node.spawn(child), "spawned".to_owned()),
            Tie::Link => {
                if begin != Begin::Run {
                    self.shared.hit(156);
                }
                (self.node.spawn_link(child), "spawned".to_owned())
            }
            Tie::Monitor => {
                let myself = ctx.myself().expect("it is a process");
                let (child, monitor) = self.node.spawn_monitor(child, &myself);
                (child, format!("spawned m{}", self.knows(monitor)))
            }
        };
        if matches!(begin, Begin::Crash | Begin::End(_)) {
            self.shared.hit(147);
        }
        let parent = (tie == Tie::Link).then(|| me().pid());
        self.shared.enrol(id, &child, plain, parent);
        self.say(&said);
    }

    fn start(
        &self,
        id: Id,
        link: bool,
        name: Option<char>,
        init: Init,
        limit: Option<u64>,
    ) -> impl Future<Output = String> + use<> {
        let (node, shared) = (self.node.clone(), Arc::clone(&self.shared));
        let parent = link.then(|| me().pid());
        let make = {
            let (node, shared) = (node.clone(), Arc::clone(&shared));
            move || {
                let (node, shared) = (node.clone(), Arc::clone(&shared));
                async move {
                    match init {
                        Init::Slow(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                        Init::Ignore => return Err(StartError::Ignore),
                        Init::Stop(why) => return Err(StartError::Failed(reason(why))),
                        _ => {}
                    }
                    Ok(Self::server(&node, &shared, id, init, parent))
                }
            }
        };
        let mut spec = ChildSpec::starting("player", make);
        if let Some(name) = name {
            spec = spec.named(name.to_string());
        }
        if let Some(limit) = limit {
            spec = spec.start_within(Duration::from_millis(limit));
        }
        async move {
            let started = if link { node.start_link(spec).await } else { node.start(spec).await };
            let said = match started {
                Ok(None) => {
                    shared.hit(179);
                    "ignore".to_owned()
                }
                Ok(Some(server)) => {
                    if matches!(init, Init::Continue) {
                        shared.hit(178);
                    }
                    let process = server.process();
                    if let (Some(process), Some(_)) = (&process, name) {
                        shared.lives.lock().named.insert(process.pid());
                    }
                    format!("ok {}", process.map_or("?".to_owned(), |it| shared.label(it.pid())))
                }
                Err(ExitReason::AlreadyStarted(pid)) => {
                    shared.hit(185);
                    format!("already started {}", shared.label(pid))
                }
                Err(why) => {
                    shared.hit(if why == ExitReason::Timeout { 180 } else { 179 });
                    format!("{{error,{}}}", term(&why))
                }
            };
            format!("start -> {said}")
        }
    }

    fn send(&mut self, to: Target, number: u32) {
        let Some(target) = self.target(to) else { return };
        let sent = target.try_cast(Msg { from: self.label(), number });
        if sent.is_err() {
            self.shared.hit(166);
            if let Target::Name(_) = to {
                self.say("send -> badarg");
            }
        }
    }

    fn cast(&mut self, to: Target, number: u32) {
        let Some(target) = self.target(to) else { return };
        if target.process().is_none() {
            self.shared.hit(176);
        }
        target.cast(Cast { from: self.label(), number });
    }

    fn call(&self, target: &Ref<Self>, kind: Request) -> (supervisors::Call<u32>, GivenUp) {
        let given_up = GivenUp::default();
        let request = Req { from: self.label(), kind, given_up: Arc::clone(&given_up) };
        (target.call(request), given_up)
    }

    fn count_call(&self, target: &Ref<Self>) {
        match target.process() {
            None => self.shared.hit(170),
            Some(process) if Some(&process) == this_process().as_ref() => self.shared.hit(170),
            Some(_) => {}
        }
    }

    fn link(&mut self, id: Id) -> Then {
        let Some(life) = self.shared.find(id) else {
            self.say("none");
            return Then::Next;
        };
        let me = me();
        let dead = !life.process.is_alive();
        if dead {
            self.shared.hit(153);
        }
        if me == life.process || me.links().contains(&life.process.pid()) {
            self.shared.hit(154);
        }
        me.link(&life.process);
        if dead && !me.traps_exits() {
            // It ends of it, and does nothing more.
            return Then::Leave;
        }
        self.say("link -> true");
        Then::Next
    }

    fn unlink(&mut self, id: Id) {
        let Some(life) = self.shared.find(id) else { return self.say("none") };
        if me().links().contains(&life.process.pid()) {
            self.shared.hit(155);
            self.shared.hit(154);
        }
        me().unlink(&life.process);
        self.say("unlink -> true");
    }

    fn monitor(&mut self, to: Target, ctx: &mut Ctx) {
        let myself = ctx.myself().expect("it is a process");
        let monitor = match to {
            Target::Name(name) => {
                self.shared.hit(162);
                self.node.monitor(&name.to_string(), &myself)
            }
            Target::Id(id) => match self.shared.find(id) {
                Some(life) => life.process.monitor(&myself),
                None => return self.say("none"),
            },
        };
        let number = self.knows(monitor);
        self.say(&format!("monitor -> m{number}"));
    }

    fn demonitor(&mut self, number: usize, flush: bool, info: bool) {
        let Some((_, monitor)) = self.monitors.get_mut(number.wrapping_sub(1)) else {
            return self.say(&format!("demonitor m{number} none"));
        };
        let Some(monitor) = monitor.take() else {
            return self.say(&format!("demonitor m{number} again"));
        };
        self.shared.hit(163);
        let told = if flush { monitor.demonitor_flush() } else { monitor.demonitor() };
        self.say(&format!("demonitor m{number} -> {}", told || !info));
    }

    fn exit(&mut self, id: Id, why: Reason) -> Then {
        let Some(life) = self.shared.find(id) else {
            self.say("none");
            return Then::Next;
        };
        let (me, alive) = (me(), life.process.is_alive());
        self.shared.hit(151);
        match why {
            Reason::Normal => self.shared.hit(152),
            Reason::Kill if alive => self.shared.hit(149),
            Reason::Killed if alive => self.shared.hit(150),
            _ => {}
        }
        if alive && !life.process.traps_exits() && why != Reason::Normal {
            self.shared.hit(157);
        }
        life.process.exit(reason(why));
        // It ends of its own signal at once.
        if me == life.process && (why == Reason::Kill || !me.traps_exits()) {
            Then::Leave
        } else {
            Then::Next
        }
    }

    fn register(&mut self, name: char, id: Id) {
        let Some(life) = self.shared.find(id) else { return self.say("none") };
        self.shared.hit(186);
        let done = self.node.register(&name.to_string(), &life.reference);
        if done.is_ok() {
            self.shared.lives.lock().named.insert(life.process.pid());
        }
        self.say(&format!("register -> {}", if done.is_ok() { "true" } else { "badarg" }));
    }
}
