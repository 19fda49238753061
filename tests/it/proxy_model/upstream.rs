//! What an upstream does for whoever connects.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use rustix::io::Errno;
use tokio::time::Sleep;
use verse::net::RawStream;

use super::MAX_POEM;
use super::facts::{Fact, Facts};
use super::network::system;

/// A kind of upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Fast,
    Slow,
    /// So slow that nobody waits for its end.
    Dripping,
    Reset,
    Truncated,
    Empty,
    Refusing,
    /// Not even a refusal.
    Ignoring,
    Hanging,
    Oversize,
    OversizeReset,
    OversizeHanging,
}

impl Behaviour {
    pub(super) const ALL: [(Self, &'static str); 12] = [
        (Self::Fast, "upstream: fast"),
        (Self::Slow, "upstream: slow"),
        (Self::Dripping, "upstream: dripping"),
        (Self::Reset, "upstream: reset"),
        (Self::Truncated, "upstream: truncated"),
        (Self::Empty, "upstream: empty"),
        (Self::Refusing, "upstream: refusing"),
        (Self::Ignoring, "upstream: ignoring"),
        (Self::Hanging, "upstream: hanging"),
        (Self::Oversize, "upstream: oversize"),
        (Self::OversizeReset, "upstream: oversize, reset"),
        (Self::OversizeHanging, "upstream: oversize, hanging"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("upstream", |(_, name)| name)
    }

    /// What it does for a fetch. Raw, a poem ends where its stream does, and a clean end that comes too early cannot be
    /// told from another: there, what is truncated is reset.
    pub(super) fn acts(self, fetch: u32, framed: bool) -> VecDeque<Act> {
        let poem = match self {
            Self::Oversize | Self::OversizeReset | Self::OversizeHanging => large_poem(fetch),
            _ => poem(fetch),
        };
        let bytes = if framed { [format!("{}:", poem.len()).as_bytes(), &poem, b","].concat() } else { poem };
        let all = |pieces: usize, pause: u64| {
            let mut acts = Vec::new();
            for piece in bytes.chunks(bytes.len().div_ceil(pieces)) {
                acts.push(Act::Send(piece.to_vec()));
                if pause > 0 {
                    acts.push(Act::Wait(Duration::from_millis(pause)));
                }
            }
            if framed {
                if pause > 0 {
                    acts.pop();
                }
                acts.push(Act::Framed);
            } else {
                acts.push(Act::End);
            }
            acts
        };
        let half = |then: Act| vec![Act::Send(bytes[..bytes.len() * 3 / 5].to_vec()), then];
        let acts = match self {
            Self::Fast => all(1, 0),
            Self::Slow => all(4, 2000),
            Self::Dripping => all(10, 15_000),
            Self::Reset | Self::OversizeReset => half(Act::Reset),
            Self::Truncated => half(if framed { Act::Truncate } else { Act::Reset }),
            Self::Empty => vec![Act::Truncate],
            Self::Refusing => vec![Act::Refuse],
            Self::Ignoring => vec![Act::Ignore],
            Self::Hanging | Self::OversizeHanging => half(Act::Silence),
            Self::Oversize => all(6, 500),
        };
        acts.into()
    }
}

/// One thing after the other.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// A good end behind all of the poem.
    End,
    /// With what was sent, the frame is complete.
    Framed,
    /// A good end that comes too early.
    Truncate,
    Reset,
    Silence,
    Refuse,
    Ignore,
}

/// The poem that this fetch gets: no other has it.
pub(super) fn poem(fetch: u32) -> Vec<u8> {
    text(fetch, 600)
}

/// One that is too large to be kept, and more than a sluggish client takes.
pub(super) fn large_poem(fetch: u32) -> Vec<u8> {
    text(fetch, MAX_POEM * 5 / 2)
}

fn text(fetch: u32, length: usize) -> Vec<u8> {
    let mut text = format!("poem {fetch}\n").into_bytes();
    while text.len() < length {
        let letter = (text.len() * 7 + fetch as usize) % 26;
        text.push(b'a' + u8::try_from(letter).unwrap());
    }
    text
}

/// The proxy's end of a connection to an upstream.
pub(super) struct Served {
    fetch: u32,
    facts: Facts,
    acts: VecDeque<Act>,
    sleep: Option<Pin<Box<Sleep>>>,
    sent: usize,
}

impl Served {
    /// What becomes of a connection that is being made.
    pub(super) async fn connect(
        behaviour: Behaviour,
        fetch: u32,
        framed: bool,
        facts: Facts,
    ) -> Result<Self, Errno> {
        let served = Self { fetch, facts, acts: behaviour.acts(fetch, framed), sleep: None, sent: 0 };
        match served.acts.front() {
            Some(Act::Refuse) => {
                served.tell(Fact::Failed { fetch, empty: false });
                return Err(Errno::CONNREFUSED);
            }
            // Given up, it is dropped, and tells.
            Some(Act::Ignore) => std::future::pending().await,
            _ => served.tell(Fact::Alive { fetch }),
        }
        Ok(served)
    }

    fn tell(&self, fact: Fact) {
        self.facts.tell(fact);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tell(Fact::Closed { fetch: self.fetch });
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fetch {}", self.fetch)
    }
}

impl RawStream for Served {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let fetch = self.fetch;
        loop {
            match self.acts.front() {
                Some(Act::Wait(time)) => {
                    let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(*time)));
                    ready!(Future::poll(sleep.as_mut(), cx));
                    self.sleep = None;
                }
                Some(Act::Send(bytes)) => {
                    buffer.extend_from_slice(bytes);
                    let (before, sent) = (self.sent, bytes.len());
                    self.sent += sent;
                    self.tell(Fact::Alive { fetch });
                    if before <= MAX_POEM && self.sent > MAX_POEM {
                        self.tell(Fact::Oversize { fetch });
                    }
                    self.acts.pop_front();
                    // The last byte of a frame is its end.
                    if let Some(Act::Framed) = self.acts.front() {
                        self.tell(Fact::Whole { fetch });
                        self.acts.pop_front();
                    }
                    return Poll::Ready(Ok(sent));
                }
                Some(Act::Reset) => {
                    self.tell(Fact::Failed { fetch, empty: false });
                    return Poll::Ready(Err(system(Errno::CONNRESET)));
                }
                Some(Act::Truncate) => {
                    self.tell(Fact::Failed { fetch, empty: self.sent == 0 });
                    return Poll::Ready(Ok(0));
                }
                Some(Act::End) => {
                    self.tell(Fact::Whole { fetch });
                    self.acts.pop_front();
                    return Poll::Ready(Ok(0));
                }
                Some(Act::Silence | Act::Refuse | Act::Ignore | Act::Framed) => return Poll::Pending,
                None => return Poll::Ready(Ok(0)),
            }
            self.acts.pop_front();
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}
