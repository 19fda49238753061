//! What the reactor watches: the lowest level of its API (Part 4), and the table of what is watched.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::rc::Rc;

use super::poller::{Fd, Interest, Poller, PollerError, raw};
use super::reason::Reason;

/// Something with a descriptor that a reactor can watch: Twisted's `IFileDescriptor`.
///
/// It is shared with the reactor, so its methods take `&self`; they run in the loop's thread, one at a time.
pub trait Descriptor {
    /// The open descriptor, or `None` once it is closed; the reactor then drops it with `connection_lost`.
    ///
    /// The reactor keeps the `Rc` while it watches, so a descriptor cannot be closed under it: the number it gave
    /// to the kernel stays this file's.
    fn fileno(&self) -> Option<Fd>;

    /// What a report about it calls it.
    fn log_prefix(&self) -> String {
        "a descriptor".to_owned()
    }

    /// It is no longer watched, because reading or writing ended with `reason` or the reactor stopped. Called once.
    fn connection_lost(&self, reason: &Reason) {
        let _ = reason;
    }

    /// Whether it belongs to the reactor itself and stays when all are removed: its wake-up, its signals.
    fn is_internal(&self) -> bool {
        false
    }
}

/// A descriptor watched for reading: Twisted's `IReadDescriptor`.
pub trait ReadDescriptor: Descriptor {
    /// There is something to read, or an end or error to be met. What is left unread shows up in the next turn.
    ///
    /// # Errors
    /// An error, or a panic, takes the descriptor off the reactor and calls its `connection_lost` with it (TW-086).
    fn do_read(&self) -> Result<(), Reason>;
}

/// A descriptor watched for writing: Twisted's `IWriteDescriptor`.
pub trait WriteDescriptor: Descriptor {
    /// There is room to write. Called each turn until the writer is removed.
    ///
    /// # Errors
    /// As for [`ReadDescriptor::do_read`].
    fn do_write(&self) -> Result<(), Reason>;
}

struct Watched {
    fd: Fd,
    /// Tells a descriptor from an earlier one of the same number.
    generation: u64,
    reader: Option<Rc<dyn ReadDescriptor>>,
    writer: Option<Rc<dyn WriteDescriptor>>,
}

impl Watched {
    fn interest(&self) -> Interest {
        Interest { read: self.reader.is_some(), write: self.writer.is_some() }
    }
}

/// What is watched, by number.
#[derive(Default)]
pub(crate) struct Watchlist {
    watched: BTreeMap<RawFd, Watched>,
    generation: u64,
}

/// Both sides of one removal, for those who must be told.
pub(crate) enum Removed {
    /// It was watched for reading (and perhaps for writing too).
    Reader(Rc<dyn ReadDescriptor>),
    /// It was watched for writing only.
    Writer(Rc<dyn WriteDescriptor>),
}

impl Removed {
    pub(crate) fn descriptor(&self) -> &dyn Descriptor {
        match self {
            Removed::Reader(reader) => reader.as_ref(),
            Removed::Writer(writer) => writer.as_ref(),
        }
    }

    pub(crate) fn into_descriptor(self) -> Rc<dyn Descriptor> {
        match self {
            Removed::Reader(reader) => reader,
            Removed::Writer(writer) => writer,
        }
    }
}

/// What a change took off the list. Dropped by the caller when nothing is borrowed any more: the last handle of a
/// descriptor runs foreign destructors.
pub(crate) type Dropped = (Option<Rc<dyn ReadDescriptor>>, Option<Rc<dyn WriteDescriptor>>);

fn same(a: &(impl Descriptor + ?Sized), b: &(impl Descriptor + ?Sized)) -> bool {
    std::ptr::addr_eq(std::ptr::from_ref(a), std::ptr::from_ref(b))
}

impl Watchlist {
    pub(crate) fn add_reader(
        &mut self,
        poller: &mut dyn Poller,
        fd: &Fd,
        reader: Rc<dyn ReadDescriptor>,
    ) -> Result<Dropped, PollerError> {
        self.change(poller, fd, |watched| watched.reader = Some(reader))
    }

    pub(crate) fn add_writer(
        &mut self,
        poller: &mut dyn Poller,
        fd: &Fd,
        writer: Rc<dyn WriteDescriptor>,
    ) -> Result<Dropped, PollerError> {
        self.change(poller, fd, |watched| watched.writer = Some(writer))
    }

    /// Removes the reader if it is the one watched; the descriptor may have become `None` meanwhile.
    pub(crate) fn remove_reader(
        &mut self,
        poller: &mut dyn Poller,
        reader: &dyn ReadDescriptor,
    ) -> Result<Dropped, PollerError> {
        let is_it = |watched: &Watched| watched.reader.as_ref().is_some_and(|it| same(it.as_ref(), reader));
        match self.find(reader.fileno(), is_it) {
            Some(fd) => self.change(poller, &fd, |watched| watched.reader = None),
            None => Ok((None, None)),
        }
    }

    /// As [`Watchlist::remove_reader`].
    pub(crate) fn remove_writer(
        &mut self,
        poller: &mut dyn Poller,
        writer: &dyn WriteDescriptor,
    ) -> Result<Dropped, PollerError> {
        let is_it = |watched: &Watched| watched.writer.as_ref().is_some_and(|it| same(it.as_ref(), writer));
        match self.find(writer.fileno(), is_it) {
            Some(fd) => self.change(poller, &fd, |watched| watched.writer = None),
            None => Ok((None, None)),
        }
    }

    /// Removes `gone` from both sides.
    pub(crate) fn remove_descriptor(&mut self, poller: &mut dyn Poller, gone: &dyn Descriptor) -> Dropped {
        let reads = |watched: &Watched| watched.reader.as_ref().is_some_and(|it| same(it.as_ref(), gone));
        let writes = |watched: &Watched| watched.writer.as_ref().is_some_and(|it| same(it.as_ref(), gone));
        let Some(fd) = self.find(gone.fileno(), |watched| reads(watched) || writes(watched)) else {
            return (None, None);
        };
        let change = |watched: &mut Watched| {
            if reads(watched) {
                watched.reader = None;
            }
            if writes(watched) {
                watched.writer = None;
            }
        };
        // A kernel that refuses to forget it has forgotten it already.
        self.change(poller, &fd, change).unwrap_or_default()
    }

    /// Removes all but the reactor's own; each descriptor is returned once, however it was watched.
    pub(crate) fn remove_all(&mut self, poller: &mut dyn Poller) -> Vec<Removed> {
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.watched)
            .into_iter()
            .partition(|(_, watched)| watched.reader.as_ref().is_some_and(|reader| reader.is_internal()));
        self.watched = kept;
        let mut removed = Vec::new();
        for watched in gone.into_values() {
            // Refused only if the kernel forgot it already, which is what we want of it.
            let _ = poller.watch(&watched.fd, Interest::default());
            let both = matches!((&watched.reader, &watched.writer), (Some(r), Some(w)) if same(r.as_ref(), w.as_ref()));
            removed.extend(watched.reader.map(Removed::Reader));
            if !both {
                removed.extend(watched.writer.map(Removed::Writer));
            }
        }
        removed
    }

    pub(crate) fn readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.watched
            .values()
            .filter_map(|watched| watched.reader.clone())
            .filter(|r| !r.is_internal())
            .collect()
    }

    pub(crate) fn writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.watched.values().filter_map(|watched| watched.writer.clone()).collect()
    }

    /// The generation of the descriptor that has this number now.
    pub(crate) fn generation(&self, number: RawFd) -> Option<u64> {
        self.watched.get(&number).map(|watched| watched.generation)
    }

    pub(crate) fn reader(&self, number: RawFd, generation: u64) -> Option<Rc<dyn ReadDescriptor>> {
        self.watched.get(&number).filter(|w| w.generation == generation).and_then(|w| w.reader.clone())
    }

    pub(crate) fn writer(&self, number: RawFd, generation: u64) -> Option<Rc<dyn WriteDescriptor>> {
        self.watched.get(&number).filter(|w| w.generation == generation).and_then(|w| w.writer.clone())
    }

    fn find(&self, fileno: Option<Fd>, is_it: impl Fn(&Watched) -> bool) -> Option<Fd> {
        let by_number = fileno.and_then(|fd| self.watched.get(&raw(&fd))).filter(|watched| is_it(watched));
        // A descriptor that has closed itself no longer knows its number.
        by_number.or_else(|| self.watched.values().find(|watched| is_it(watched))).map(|w| w.fd.clone())
    }

    fn change(
        &mut self,
        poller: &mut dyn Poller,
        fd: &Fd,
        change: impl FnOnce(&mut Watched),
    ) -> Result<Dropped, PollerError> {
        let number = raw(fd);
        let mut watched = self.watched.remove(&number).unwrap_or_else(|| {
            self.generation += 1;
            Watched { fd: fd.clone(), generation: self.generation, reader: None, writer: None }
        });
        let (before, had) = (watched.interest(), (watched.reader.clone(), watched.writer.clone()));
        change(&mut watched);
        let after = watched.interest();
        let result = if before == after { Ok(()) } else { poller.watch(&watched.fd, after) };
        if result.is_err() && !after.is_none() {
            // It could not be added: as before. (One that could not be removed is gone all the same.)
            (watched.reader, watched.writer) = had.clone();
        }
        if !watched.interest().is_none() {
            self.watched.insert(number, watched);
        }
        result.map(|()| had)
    }
}
