//! How old the oldest message of a mailbox is, without a stamp on every message.

use std::collections::VecDeque;

/// When the messages of one mailbox came, in stamps of the node's pulse. Stamps are coarse, so that a message hardly
/// ever comes under another one than the one before it: only then is something noted.
#[derive(Debug)]
pub(super) struct Ages<X = ()> {
    /// Messages taken out so far; wraps.
    gone: u32,
    /// The stamp of the first message since the mailbox was last empty.
    first: u32,
    /// What nearly no mailbox has: a word in each instead of five.
    notes: Option<Box<Notes<X>>>,
}

#[derive(Debug)]
struct Notes<X> {
    /// Under which stamp which message, and those behind it, came.
    later: VecDeque<Later>,
    /// What else is kept about a mailbox that is not an ordinary one.
    beside: Option<X>,
}

#[derive(Debug)]
struct Later {
    /// How many had to be taken out before this one, ever; wraps.
    message: u32,
    stamp: u32,
}

impl<X> Default for Ages<X> {
    fn default() -> Self {
        Self { gone: 0, first: 0, notes: None }
    }
}

impl<X> Default for Notes<X> {
    fn default() -> Self {
        Self { later: VecDeque::new(), beside: None }
    }
}

impl<X> Ages<X> {
    /// The ages in an empty mailbox that has something of its own.
    pub(super) fn beside(beside: X) -> Self {
        let notes = Notes { beside: Some(beside), ..Notes::default() };
        Self { notes: Some(Box::new(notes)), ..Self::default() }
    }

    /// What it has.
    pub(super) fn beside_mut(&mut self) -> Option<&mut X> {
        self.notes.as_deref_mut()?.beside.as_mut()
    }

    /// A message comes behind `waiting` others.
    pub(super) fn came(&mut self, waiting: usize, stamp: u32) {
        if waiting == 0 {
            self.first = stamp;
            if self.notes.is_some() {
                self.forget();
            }
            return;
        }
        let last =
            self.notes.as_ref().and_then(|notes| notes.later.back()).map_or(self.first, |last| last.stamp);
        if last != stamp {
            self.note(waiting, stamp);
        }
    }

    #[cold]
    fn forget(&mut self) {
        match &mut self.notes {
            Some(notes) if notes.beside.is_some() => notes.later.clear(),
            _ => self.notes = None,
        }
    }

    #[cold]
    fn note(&mut self, waiting: usize, stamp: u32) {
        let gone = self.gone;
        let later = &mut self.notes.get_or_insert_default().later;
        // Those in front of the oldest one's say nothing any more.
        while later.get(1).is_some_and(|next| !is_ahead(next.message, gone)) {
            later.pop_front();
        }
        let message = gone.wrapping_add(u32::try_from(waiting).unwrap_or(u32::MAX));
        later.push_back(Later { message, stamp });
    }

    /// The oldest one is taken out.
    pub(super) fn went(&mut self) {
        self.gone = self.gone.wrapping_add(1);
    }

    /// One that has `before` others before it is taken out.
    pub(super) fn left(&mut self, before: usize) {
        if before == 0 {
            return self.went();
        }
        let place = self.gone.wrapping_add(u32::try_from(before).unwrap_or(u32::MAX));
        for later in self.notes.iter_mut().flat_map(|notes| notes.later.iter_mut()) {
            if is_ahead(later.message, place) {
                later.message = later.message.wrapping_sub(1);
            }
        }
    }

    /// The stamp of the oldest one, if there is one.
    pub(super) fn oldest(&self) -> u32 {
        let later = self.notes.iter().flat_map(|notes| notes.later.iter());
        later.take_while(|it| !is_ahead(it.message, self.gone)).last().map_or(self.first, |it| it.stamp)
    }
}

/// Whether message number `message` still has others before it when `gone` are gone.
const fn is_ahead(message: u32, gone: u32) -> bool {
    let distance = message.wrapping_sub(gone);
    distance != 0 && distance < u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a stamp on every message.
        #[test]
        fn the_oldest_is_as_old_as_it_is(steps in prop::collection::vec(0..5_u8, 0..400), start in any::<u32>()) {
            let mut ages = Ages::<()> { gone: start, ..Ages::default() };
            let mut all = VecDeque::new();
            let mut now = 100_u32;
            for step in steps {
                match step {
                    0 => now += 125,
                    // Taken out of the middle.
                    4 if all.len() > 1 => {
                        let place = now as usize % all.len();
                        ages.left(place);
                        all.remove(place);
                    }
                    1 | 2 => {
                        ages.came(all.len(), now);
                        all.push_back(now);
                    }
                    _ => {
                        if all.pop_front().is_some() {
                            ages.went();
                        }
                    }
                }
                if let Some(oldest) = all.front() {
                    prop_assert_eq!(ages.oldest(), *oldest);
                }
            }
        }
    }

    #[test]
    fn a_mailbox_that_is_behind_for_ever_notes_no_more_than_it_must() {
        let mut ages = Ages::<()>::default();
        ages.came(0, 0);
        for stamp in 1..1000 {
            ages.came(1, stamp);
            ages.went();
        }
        let noted = ages.notes.as_ref().map_or(0, |notes| notes.later.len());
        assert!(noted <= 3, "{noted} notes about two messages");
        assert_eq!(ages.oldest(), 999);
    }
}
