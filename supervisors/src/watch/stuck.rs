//! What is done about a turn that does not end.

use std::sync::Arc;
use std::time::Duration;

use super::beat::{Beat, Glance, Turn};
use super::{Watched, WhenStuck};
use crate::event::Subject;
use crate::place::Worker;
use crate::process::{Object, catch};
use crate::supervisor::descendant;
use crate::{Event, ExitReason, Node, Pid};

/// Says it, and does what is to be done about it.
pub(super) fn respond(node: &Node, watched: &Watched, beat: &Arc<Beat>, glance: Glance, lasting: Duration) {
    let (watch, worker) = (node.watch(), watched.worker.as_ref());
    // A child within its supervisor's turn may be too new to be found; it is named all the same.
    let process = find(node, worker, glance.inner);
    let (who, wish) = match (&process, worker.and_then(|worker| worker.starting())) {
        (Some(process), _) => (Subject::of(process), process.control().when_stuck()),
        (None, Some(starting)) if glance.inner.serial() == 0 => {
            (Subject { path: starting.path, ..Subject::default() }, starting.when_stuck)
        }
        _ => (Subject { pid: pid_of(glance.inner), ..Subject::default() }, None),
    };
    let pid = who.pid;
    let response = match (wish.unwrap_or(watch.options.when_stuck), worker) {
        (WhenStuck::Abandon, Some(_)) if watch.zombies() < watch.options.abandon_at_most => {
            WhenStuck::Abandon
        }
        (WhenStuck::Abandon, _) => WhenStuck::Report,
        (other, _) => other,
    };
    node.report(|| Event::Stuck { who, thread: Arc::clone(&watched.name), lasting, response });
    // Its thread keeps no time for calls meanwhile.
    node.pending_calls().wake_all();
    match (response, worker) {
        (WhenStuck::Exit, _) => std::process::exit(watch.options.exit_code),
        (WhenStuck::Abandon, Some(worker)) => abandon(node, worker, beat, pid),
        _ => {}
    }
}

fn pid_of(turn: Turn) -> Option<Pid> {
    (turn.serial() != 0).then(|| Pid::new(0, 0, turn.serial()))
}

/// The process whose turn it is.
fn find(node: &Node, worker: Option<&Arc<Worker>>, turn: Turn) -> Option<Arc<dyn Object>> {
    let pid = pid_of(turn)?;
    let is_it = |process: &Arc<dyn Object>| {
        let control = process.control();
        control.pid == pid && control.node.watch().number() == node.watch().number()
    };
    if let Some(found) = worker.and_then(|worker| worker.residents().into_iter().find(is_it)) {
        return Some(found);
    }
    let unsupervised = node.watch().unsupervised.lock().alive();
    unsupervised
        .into_iter()
        .find_map(|process| if is_it(&process) { Some(process) } else { descendant(&process, pid) })
}

/// Gives up a thread: every process on it dies now, by this thread's word.
///
/// The turn that does not end goes on by itself. What it still sends is dropped, nothing it starts lives, and when it
/// ends the thread drops what it holds and ends.
fn abandon(node: &Node, worker: &Arc<Worker>, beat: &Arc<Beat>, stuck: Option<Pid>) {
    node.watch().note_abandoned();
    node.watch().zombies.lock().push(Arc::downgrade(beat));
    let mut residents = worker.abandon();
    for resident in &residents {
        resident.control().node.watch().note_abandoned();
    }
    // The culprit first, then by age.
    residents.sort_by_key(|resident| (Some(resident.control().pid) != stuck, resident.control().pid));
    let mut died = 0;
    for resident in residents {
        let control = resident.control();
        let reason =
            if Some(control.pid) == stuck { ExitReason::Stuck } else { ExitReason::Abandoned { stuck } };
        let mut in_its_stead = control.take_on_abandon();
        // Where its own thread would drop the actor: after its name is free, before anybody hears of the death.
        let mut let_go = || {
            for action in in_its_stead.drain(..) {
                let _ = catch(action);
            }
        };
        if let Ok(true) = catch(|| resident.declare(reason, &mut let_go)) {
            died += 1;
        }
    }
    node.report(|| Event::Abandoned { arbiter: worker.index(), stuck, processes: died });
}
