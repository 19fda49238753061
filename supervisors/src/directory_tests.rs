//! The registry of keys and the groups, as processes use them.

use std::sync::Arc;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;

use crate::{Down, GroupChange, GroupError, GroupEvent, Groups, Node, Process, Ref, Registry, RegistryError};

type Order = Box<dyn FnOnce() + Send>;

/// Does as it is told as the process it is, and writes down what it hears.
struct Peer(Arc<Mutex<Vec<String>>>);

impl Actor for Peer {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Do(Order);

impl Handler<Do> for Peer {
    type Result = ();

    fn handle(&mut self, Do(order): Do, _: &mut Self::Context) {
        order();
    }
}

#[derive(Clone, Message)]
#[rtype(result = "()")]
struct News(&'static str);

impl Handler<News> for Peer {
    type Result = ();

    fn handle(&mut self, News(what): News, _: &mut Self::Context) {
        self.0.lock().push(what.to_owned());
    }
}

impl Handler<GroupEvent> for Peer {
    type Result = ();

    fn handle(&mut self, event: GroupEvent, _: &mut Self::Context) {
        let change = if event.change == GroupChange::Joined { "joined" } else { "left" };
        self.0.lock().push(format!("{} {change} {}", event.processes.len(), event.group));
    }
}

impl Handler<Down> for Peer {
    type Result = ();

    fn handle(&mut self, _: Down, _: &mut Self::Context) {
        self.0.lock().push("down".to_owned());
    }
}

struct Rig {
    node: Node,
    log: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    fn peer(&self) -> (Ref<Peer>, Process) {
        let peer = self.node.spawn(Peer(Arc::clone(&self.log)));
        let process = peer.process().expect("it runs");
        (peer, process)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock())
    }
}

fn run(test: impl AsyncFnOnce(Rig)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    let rig = Rig { node: Node::builder().seed(1).build(), log: Arc::default() };
    LocalSet::new().block_on(&runtime, test(rig));
}

/// Has `peer` do `order`, and gives what came of it.
async fn told<R: Send + 'static>(peer: &Ref<Peer>, order: impl FnOnce() -> R + Send + 'static) -> R {
    let came = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&came);
    peer.call(Do(Box::new(move || *tell.lock() = Some(order())))).await.expect("it lives");
    let came = came.lock().take();
    came.expect("it has done so")
}

async fn kill(process: &Process) {
    process.kill();
    process.exited().await;
}

/// OTP-200, OTP-201, OTP-203.
#[test]
fn a_unique_key_has_one_process_until_that_unregisters_or_ends() {
    run(async |rig| {
        let registry = Registry::<&str, u32>::unique(&rig.node);
        let ((one, first), (two, second)) = (rig.peer(), rig.peer());
        let register = |value| {
            let registry = registry.clone();
            move || registry.register("key", value)
        };
        assert_eq!(registry.register("key", 1), Err(RegistryError::NotAProcess));
        assert_eq!(told(&one, register(1)).await, Ok(()));
        let taken = Err(RegistryError::AlreadyRegistered(first.pid()));
        assert_eq!(told(&one, register(2)).await, taken, "also by itself");
        assert_eq!(told(&two, register(2)).await, taken);
        assert_eq!((registry.whereis(&"key"), registry.keys(&first)), (Some(first.clone()), vec!["key"]));
        let unregister = {
            let registry = registry.clone();
            move || registry.unregister(&"key")
        };
        told(&two, unregister.clone()).await;
        assert_eq!(registry.len(), 1, "only one's own");
        told(&one, unregister.clone()).await;
        told(&one, unregister).await;
        assert!(registry.is_empty(), "an absent key is fine");
        assert_eq!(told(&two, register(2)).await, Ok(()));
        assert_eq!(
            told(&two, {
                let r = registry.clone();
                move || r.update_value(&"key", |it| it + 1)
            })
            .await,
            Ok(3)
        );
        let others = {
            let r = registry.clone();
            move || r.update_value(&"key", |it| it + 1)
        };
        assert_eq!(told(&one, others).await, Err(RegistryError::NotRegistered), "OTP-203");
        kill(&second).await;
        assert_eq!(told(&one, register(1)).await, Ok(()));
    });
}

/// OTP-200, OTP-202.
#[test]
fn a_duplicate_key_has_many_entries_also_of_one_process() {
    run(async |rig| {
        let registry = Registry::<String, u32>::duplicate(&rig.node).bounded(4);
        let ((one, first), (two, _)) = (rig.peer(), rig.peer());
        for (peer, value) in [(&one, 1), (&two, 2), (&one, 3)] {
            let registry = registry.clone();
            told(peer, move || registry.register("key".to_owned(), value)).await.expect("there is room");
        }
        let key = "key".to_owned();
        let values = |registry: &Registry<String, u32>| {
            registry.lookup(&key).iter().map(|entry| entry.value).collect::<Vec<_>>()
        };
        assert_eq!(values(&registry), [1, 2, 3]);
        assert_eq!(registry.keys(&first), ["key", "key"]);
        let mut calls = 0;
        registry.dispatch(&key, |entries| calls += entries.len());
        registry.dispatch(&"nothing".to_owned(), |_| calls += 100);
        assert_eq!(calls, 3, "not called when there is none");
        let full = registry.clone();
        let full = told(&two, move || (full.register("a".into(), 0), full.register("b".into(), 0))).await;
        assert_eq!(full, (Ok(()), Err(RegistryError::Full)));
        let gone = registry.clone();
        told(&one, move || gone.unregister(&"key".to_owned())).await;
        assert_eq!(values(&registry), [2], "all of the caller's");
    });
}

/// OTP-187, OTP-158.
#[test]
fn entries_and_memberships_are_gone_before_anybody_hears_of_the_death() {
    run(async |rig| {
        let registry = Registry::<&str>::duplicate(&rig.node);
        let groups = Groups::<News>::new(&rig.node);
        let ((dying, process), (watcher, _)) = (rig.peer(), rig.peer());
        let register = registry.clone();
        told(&dying, move || register.register("key", ())).await.expect("there is room");
        groups.join("group", &dying).expect("it lives");
        let found = Arc::new(Mutex::new(None));
        let (there, still, members) = (Arc::clone(&found), registry.clone(), groups.clone());
        process.0.control().watch(Box::new(move |_, _| {
            *there.lock() = Some((still.len(), members.members("group").len()));
        }));
        process.monitor(&watcher);
        kill(&process).await;
        assert_eq!(*found.lock(), Some((0, 0)));
    });
}

#[test]
fn a_registry_and_a_scope_take_processes_of_their_own_node_only() {
    run(async |rig| {
        let elsewhere = Node::builder().seed(1).build();
        let stranger = elsewhere.spawn(Peer(Arc::clone(&rig.log)));
        let registry = Registry::<&str>::unique(&rig.node);
        let refused = told(&stranger, move || registry.register("key", ())).await;
        assert_eq!(refused, Err(RegistryError::OtherNode));
        assert_eq!(Groups::<News>::new(&rig.node).join("group", &stranger), Err(GroupError::OtherNode));
    });
}

#[test]
fn a_process_joins_and_leaves_as_often_as_it_likes() {
    run(async |rig| {
        let (groups, other) = (Groups::<News>::new(&rig.node), Groups::<News>::new(&rig.node));
        let ((one, first), (two, second)) = (rig.peer(), rig.peer());
        for (group, peer) in [("b", &one), ("b", &two), ("b", &one), ("a", &two)] {
            groups.join(group, peer).expect("it lives");
        }
        let pids = |group| groups.members(group).iter().map(|it| it.process.clone()).collect::<Vec<_>>();
        assert_eq!(pids("b"), [first.clone(), second.clone(), first.clone()]);
        assert_eq!(groups.local_members("b").len(), 3);
        assert_eq!(groups.which_groups(), ["a".into(), "b".into()]);
        assert_eq!(other.which_groups(), [], "a scope of its own");
        assert_eq!(groups.cast("b", News("hello")), 3);
        assert_eq!(groups.cast("nobody", News("hello")), 0);
        told(&one, || ()).await;
        told(&two, || ()).await;
        assert_eq!(rig.seen(), ["hello"; 3]);
        assert_eq!(groups.leave("b", &first), Ok(()));
        assert_eq!(pids("b"), [second.clone(), first.clone()]);
        assert_eq!(groups.leave("b", &first), Ok(()));
        assert_eq!(groups.leave("b", &first), Err(GroupError::NotJoined("b".into())));
        kill(&second).await;
        assert_eq!(groups.which_groups(), [], "the dead leave, and no group is without members");
        assert_eq!(groups.join("b", &two), Err(GroupError::Dead));
        let full = Groups::<News>::new(&rig.node).bounded(1);
        assert_eq!((full.join("a", &one), full.join("a", &one)), (Ok(()), Err(GroupError::Full)));
        kill(&first).await;
        let (three, _) = rig.peer();
        assert_eq!(full.join("a", &three), Ok(()), "the dead take no room");
    });
}

#[test]
fn whoever_monitors_a_group_hears_who_comes_and_goes() {
    run(async |rig| {
        let groups = Groups::<News>::new(&rig.node);
        let ((one, first), (two, second), (watcher, watching)) = (rig.peer(), rig.peer(), rig.peer());
        groups.join("a", &one).expect("it lives");
        let (monitor, members) = groups.monitor("a", &watcher).expect("it lives");
        assert_eq!(members.len(), 1);
        groups.join("a", &two).expect("it lives");
        groups.join("b", &two).expect("it lives");
        groups.join("a", &two).expect("it lives");
        groups.leave("a", &first).expect("it is a member");
        kill(&second).await;
        told(&watcher, || ()).await;
        assert_eq!(rig.seen(), ["1 joined a", "1 joined a", "1 left a", "2 left a"]);
        let (scope, all) = groups.monitor_scope(&watcher).expect("it lives");
        assert!(all.is_empty() && scope != monitor);
        assert!(groups.demonitor(monitor) && !groups.demonitor(monitor));
        groups.join("c", &one).expect("it lives");
        groups.join("a", &one).expect("it lives");
        told(&watcher, || ()).await;
        assert_eq!(rig.seen(), ["1 joined c", "1 joined a"], "all groups of the scope, once each");
        kill(&watching).await;
        assert!(!groups.demonitor(scope), "it ended with its watcher");
    });
}

/// A group is of lives, not of places: whoever is restarted joins again if it likes.
#[test]
fn what_a_member_is_reached_by_ends_with_it() {
    run(async |rig| {
        let groups = Groups::<News>::new(&rig.node);
        let named = rig.node.spawn_named("name", Peer(Arc::clone(&rig.log))).expect("free");
        groups.join("a", &named).expect("it lives");
        let member = groups.members("a").remove(0);
        kill(&member.process).await;
        let _next = rig.node.spawn_named("name", Peer(Arc::clone(&rig.log))).expect("free again");
        member.port.cast(News("to the dead"));
        told(&named, || ()).await;
        assert_eq!(rig.seen(), [""; 0]);
    });
}
