//! The table of `src/guide/fate.md`, cell by cell: each is tried with a running process, and must be what the page says.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{Backoff, ChildSpec, Supervisor};
use supervisors::{CallError, ExitReason, Node, Overflow, Ref, Watchdog};
use tokio::task::{LocalSet, yield_now};

const PAGE: &str = include_str!("../../src/guide/fate.md");

const MOMENTS: [&str; 7] = ["running", "full", "queued", "handled", "crashed", "paused", "gone"];
const WAYS: [&str; 6] = ["`cast`", "`try_cast`", "`cast_wait`", "`call`", "`Addr::do_send`", "`Addr::send`"];
const POLICIES: [Overflow; 5] =
    [Overflow::Refuse, Overflow::DropNewest, Overflow::DropOldest, Overflow::Stop, Overflow::WAIT];

/// What fills the mailbox.
const FILLER: u32 = 1;
/// Whose fate is to be seen.
const PROBE: u32 = 2;
/// The same, and it is the death of whoever handles it.
const FATAL: u32 = 3;

#[derive(Clone, Default)]
struct Seen {
    handled: Arc<Mutex<Vec<u32>>>,
    addresses: Arc<Mutex<Vec<Addr<Target>>>>,
}

struct Target(Seen);

impl Actor for Target {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.0.addresses.lock().push(ctx.address());
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Mail(u32);

impl Handler<Mail> for Target {
    type Result = ();

    fn handle(&mut self, Mail(number): Mail, _: &mut Self::Context) {
        self.0.handled.lock().push(number);
        assert_ne!(number, FATAL, "as asked");
    }
}

/// What the sender heard, if anything but that all is well.
type Heard = Pin<Box<dyn Future<Output = Option<&'static str>>>>;

fn name(told: &Result<(), CallError>) -> Option<&'static str> {
    match told {
        Ok(()) => None,
        Err(CallError::NoProc) => Some("`NoProc`"),
        Err(CallError::Overloaded) => Some("`Overloaded`"),
        Err(CallError::Exit(_)) => Some("`Exit`"),
        Err(_) => Some("another error"),
    }
}

fn send(way: &str, target: &Ref<Target>, address: &Addr<Target>, mail: Mail) -> Heard {
    let heard = |heard| Box::pin(std::future::ready(heard));
    match way {
        "`cast`" => {
            target.cast(mail);
            heard(None)
        }
        "`try_cast`" => heard(name(&target.try_cast(mail))),
        "`cast_wait`" => {
            let sent = target.cast_wait(mail);
            Box::pin(async move { name(&sent.await) })
        }
        "`call`" => {
            let answer = target.call(mail);
            Box::pin(async move { name(&answer.await) })
        }
        "`Addr::do_send`" => {
            address.do_send(mail);
            heard(None)
        }
        _ => {
            let answer = address.send(mail);
            Box::pin(async move { answer.await.err().map(|_| "`Closed`") })
        }
    }
}

/// Lets all who can go on do so, without the passing of time.
async fn settle() {
    for _ in 0..30 {
        yield_now().await;
    }
}

/// What becomes of a message sent in this way, at this moment, to a mailbox of this policy.
async fn fate(moment: &str, way: &str, policy: Overflow) -> String {
    let node = Node::builder().seed(1).watchdog(Watchdog::off()).build();
    let seen = Seen::default();
    let made = seen.clone();
    let mut spec = ChildSpec::new("target", move || Target(made.clone())).mailbox(1).overflow(policy);
    if moment == "paused" {
        spec = spec.backoff(Backoff::new());
    }
    let target = spec.reference();
    let intensity = if moment == "gone" { 0 } else { 5 };
    let tree = Supervisor::new("tree").child(spec).intensity(intensity, Duration::from_secs(60));
    let tree = tree.start(&node).await.expect("it starts");
    settle().await;
    let process = target.process().expect("it runs");
    let above = tree.process().expect("it runs");
    let address = seen.addresses.lock()[0].clone();
    let probe = if moment == "handled" { FATAL } else { PROBE };
    let sent = || tokio::task::spawn_local(send(way, &target, &address, Mail(probe)));
    let heard = match moment {
        "running" | "handled" => sent(),
        "full" => {
            process.suspend();
            target.cast(Mail(FILLER));
            let heard = sent();
            settle().await;
            process.resume();
            heard
        }
        "queued" => {
            process.suspend();
            let heard = send(way, &target, &address, Mail(probe));
            process.crash("as asked");
            tokio::task::spawn_local(heard)
        }
        "crashed" => {
            above.suspend();
            process.crash("as asked");
            settle().await;
            assert!(
                !process.is_alive() && target.process().is_none(),
                "it is dead, and none is in its place"
            );
            let heard = sent();
            settle().await;
            above.resume();
            heard
        }
        "paused" => {
            process.crash("as asked");
            settle().await;
            assert!(tree.tree().children[0].due.is_some(), "it waits to be restarted");
            sent()
        }
        _ => {
            process.crash("as asked");
            assert_eq!(above.exited().await, ExitReason::Shutdown, "its supervisor has given up");
            sent()
        }
    };
    let heard = heard.await.expect("no panic");
    tokio::time::sleep(Duration::from_secs(1)).await;
    if moment != "gone" {
        assert!(target.process().is_some_and(|process| process.is_alive()), "whoever died was restarted");
    }
    let handled = seen.handled.lock();
    let times = handled.iter().filter(|number| **number == probe).count();
    assert!(times <= 1, "handled {times} times");
    let mut fate = match (heard, times) {
        (Some(heard), _) => heard.to_owned(),
        (None, 0) => "lost".to_owned(),
        (None, _) if probe == FATAL => "cut".to_owned(),
        (None, _) => "handled".to_owned(),
    };
    assert!(times == 0 || probe == FATAL || heard.is_none(), "handled, and its sender told {fate}");
    if moment == "full" {
        if matches!(process.exit_reason(), Some(ExitReason::MailboxOverflow { .. })) {
            fate += "; ends it";
        } else if !handled.contains(&FILLER) {
            fate += "; the oldest is lost";
        }
    }
    fate
}

/// The rows of the page: moment and way, and a fate for each policy.
fn rows() -> BTreeMap<(String, String), Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in PAGE.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        if cells.len() != 2 + POLICIES.len() || !MOMENTS.contains(&cells[0].as_str()) {
            continue;
        }
        let before = rows.insert((cells[0].clone(), cells[1].clone()), cells[2..].to_vec());
        assert_eq!(before, None, "a row told twice: {line}");
    }
    rows
}

#[test]
fn the_page_of_fates_says_what_becomes_of_every_message() {
    let told = rows();
    let (mut table, mut differ) = (String::new(), Vec::new());
    for moment in MOMENTS {
        for way in WAYS {
            let mut line = format!("| {moment} | {way} |");
            for (at, policy) in POLICIES.into_iter().enumerate() {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .expect("a runtime can be built");
                let fate = LocalSet::new().block_on(&runtime, fate(moment, way, policy));
                let said = told.get(&(moment.to_owned(), way.to_owned())).map(|cells| cells[at].as_str());
                if said != Some(&fate) {
                    differ.push(format!("{moment}, {way}, {policy:?}: the page says {said:?}, it is {fate}"));
                }
                line += &format!(" {fate} |");
            }
            table += &line;
            table.push('\n');
        }
    }
    assert!(differ.is_empty(), "{}\nas it is:\n{table}", differ.join("\n"));
    assert_eq!(told.len(), MOMENTS.len() * WAYS.len(), "a row about nothing that was tried");
}
