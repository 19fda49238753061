//! What becomes of a message for which a mailbox has no room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use actix::{Actor, Context};

use super::cell::{Cell, Object, Signal};
use super::mailbox::{Envelope, Queue};
use crate::ExitReason;
use crate::sync::MutexGuard;

/// What a mailbox does with a message that comes while it is full. Default [`Refuse`](Self::Refuse).
///
/// Full means that as many messages wait as its [bound](crate::MAILBOX_BOUND) allows; they are counted once, however
/// many senders there are. What the system itself has to say ([`Exit`](crate::Exit), [`Down`](crate::Down), the events of
/// groups) comes in also then, and no policy drops it. [`guide::fate`](crate::guide::fate) tells what becomes of each
/// kind of message under each policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Overflow {
    /// It is not taken: a [`cast`](crate::Ref::cast) is lost, [`try_cast`](crate::Ref::try_cast) and
    /// [`call`](crate::Ref::call) give [`Overloaded`](crate::CallError::Overloaded).
    #[default]
    Refuse,
    /// It is dropped, and whoever cast it is told nothing; the caller of a call hears `Overloaded`.
    DropNewest,
    /// The message that has waited longest is dropped in its favour; if that was a call, its caller hears `Overloaded`.
    /// For news of which only the latest count.
    DropOldest,
    /// It is not taken, and the process ends with [`ExitReason::MailboxOverflow`], as if it had been sent that exit
    /// signal, for its supervisor to start it anew: for actors that come too late when they come this late.
    Stop,
    /// Whoever can wait does: a call waits for room within its time limit, and so does
    /// [`cast_wait`](crate::Ref::cast_wait), in the order they came. A plain cast is lost, `try_cast` gives `Overloaded`.
    Wait {
        /// How many senders may wait at once; to the next one it is `Overloaded`. [`Overflow::WAIT`] has 1,024.
        senders: u32,
    },
}

impl Overflow {
    /// [`Wait`](Self::Wait) with room for 1,024 senders: the memory a flood can take is theirs, not the mailbox's, so it
    /// must have a bound of its own.
    pub const WAIT: Self = Self::Wait { senders: 1024 };
}

/// An [`Overflow`] in a byte: how many may wait is known to the line they wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Refuse,
    DropNewest,
    DropOldest,
    Stop,
    Wait,
}

impl Policy {
    pub(super) const fn of(byte: u8) -> Self {
        match byte {
            1 => Self::DropNewest,
            2 => Self::DropOldest,
            3 => Self::Stop,
            4 => Self::Wait,
            _ => Self::Refuse,
        }
    }
}

impl From<Overflow> for Policy {
    fn from(overflow: Overflow) -> Self {
        match overflow {
            Overflow::Refuse => Self::Refuse,
            Overflow::DropNewest => Self::DropNewest,
            Overflow::DropOldest => Self::DropOldest,
            Overflow::Stop => Self::Stop,
            Overflow::Wait { .. } => Self::Wait,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// The process is dead.
    Closed,
    /// The mailbox holds as many messages as it may.
    Full,
    /// The same, and by its policy nobody is to be told who does not wait for an answer.
    Dropped,
}

/// A call that may have to give way to a message that comes later: then its caller is told, since it waits for an answer.
pub(crate) struct GivesWay<A: Actor>(pub(crate) Box<dyn Envelope<A>>, pub(crate) Arc<AtomicBool>);

impl<A: Actor<Context = Context<A>>> Envelope<A> for GivesWay<A> {
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        self.0.open(actor, ctx);
    }

    fn may_drop(&self) -> bool {
        self.0.may_drop()
    }

    fn overflowed(self: Box<Self>) {
        // Before the reply channel closes, so that the caller knows why it did.
        self.1.store(true, Ordering::Release);
        self.0.overflowed();
    }
}

/// Senders that wait for room, in the order they came. While there are any, the mailbox is full.
pub(super) struct Line<A: Actor> {
    senders: u32,
    waiting: VecDeque<Waiting<A>>,
    next: u64,
    /// Whose turn never came, because the process died.
    turned_away: Option<u64>,
}

/// A message whose sender waits.
pub(super) struct Waiting<A: Actor> {
    ticket: u64,
    mail: Box<dyn Envelope<A>>,
    stamp: u32,
    waker: Option<Waker>,
}

impl<A: Actor> Line<A> {
    pub(super) const fn new(senders: u32) -> Self {
        Self { senders, waiting: VecDeque::new(), next: 0, turned_away: None }
    }

    fn join(&mut self, mail: Box<dyn Envelope<A>>, stamp: u32) -> Result<u64, Box<dyn Envelope<A>>> {
        if self.waiting.len() >= self.senders as usize {
            return Err(mail);
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { ticket, mail, stamp, waker: None });
        Ok(ticket)
    }

    fn place(&self, ticket: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    pub(super) fn first(&mut self) -> Option<Waiting<A>> {
        self.waiting.pop_front()
    }

    /// Nobody's turn will come any more.
    pub(super) fn close(&mut self) -> VecDeque<Waiting<A>> {
        self.turned_away = Some(self.waiting.front().map_or(self.next, |first| first.ticket));
        std::mem::take(&mut self.waiting)
    }
}

impl<A: Actor> Waiting<A> {
    pub(super) fn into_parts(self) -> (Box<dyn Envelope<A>>, u32, Option<Waker>) {
        (self.mail, self.stamp, self.waker)
    }

    /// The process has died: the message is dropped, and its sender told.
    pub(super) fn turn_away(self) {
        let Self { mail, waker, .. } = self;
        drop(mail);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// How a sender that waits for room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Its message is in the mailbox, or was.
    In,
    /// It still waits.
    Waiting,
    /// The process has died before its turn came.
    TurnedAway,
}

/// The place of a sender in the line before a full mailbox; leaves it by drop, and takes its message along.
pub(crate) struct Place {
    pub(crate) callee: Arc<dyn Object>,
    pub(crate) ticket: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.callee.leave_line(self.ticket);
    }
}

impl<A: Actor> Cell<A> {
    /// Its mailbox is full, or closed. Out of line, so that the common case stays short.
    #[cold]
    pub(super) fn overflow(
        self: &Arc<Self>,
        mut queue: MutexGuard<'_, Queue<A>>,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
        waits: bool,
    ) -> Result<Option<u64>, PushError> {
        if queue.is_closed() {
            drop(queue);
            return Err(PushError::Closed);
        }
        let (lost, error) = match self.control.overflow() {
            Policy::Refuse | Policy::Stop => (mail, Some(PushError::Full)),
            Policy::DropNewest => (mail, Some(PushError::Dropped)),
            Policy::DropOldest => match queue.remove_oldest() {
                // Nothing waits but what the system has to say, or the bound is 0.
                None => (mail, Some(PushError::Dropped)),
                Some(oldest) => {
                    // It is not closed: this cannot fail.
                    let _ = queue.push_unbounded(mail, stamp);
                    (oldest, None)
                }
            },
            Policy::Wait if !waits => (mail, Some(PushError::Full)),
            Policy::Wait => match queue.line() {
                None => (mail, Some(PushError::Full)),
                Some(line) => match line.join(mail, stamp) {
                    Ok(ticket) => return Ok(Some(ticket)),
                    Err(mail) => (mail, Some(PushError::Full)),
                },
            },
        };
        self.control.count_waiting(queue.len());
        let bound = queue.bound();
        // What is lost may be anything, and so may its destructor do.
        drop(queue);
        if error.is_none() {
            // A mailbox of one message was empty for a moment.
            self.control.wake();
        }
        lost.overflowed();
        if self.control.overflow() == Policy::Stop {
            self.control.signal(Signal::Exit(ExitReason::MailboxOverflow { bound }));
        }
        self.control.lost(&(Arc::clone(self) as Arc<dyn Object>), error == Some(PushError::Full));
        error.map_or(Ok(None), Err)
    }

    pub(super) fn admission_of(&self, ticket: u64, waker: &Waker) -> Admission {
        let mut queue = self.queue();
        let Some(line) = queue.line() else { return Admission::In };
        if line.turned_away.is_some_and(|first| ticket >= first) {
            return Admission::TurnedAway;
        }
        let Some(place) = line.place(ticket) else { return Admission::In };
        line.waiting[place].waker = Some(waker.clone());
        Admission::Waiting
    }

    /// Whether the sender was still waiting.
    pub(super) fn leave(&self, ticket: u64) -> bool {
        let left = {
            let mut queue = self.queue();
            queue.line().and_then(|line| line.waiting.remove(line.place(ticket)?))
        };
        // Dropped outside the lock.
        left.is_some()
    }
}
