//! What the transform server says to one client, in either of its protocols (Part 12).

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use super::transform::Shared;
use crate::reactor::{DelayedCall, Handled, NetstringReceiver, Protocol, Reason, StringProtocol, Transport};
use crate::wire::lines::{Answer, RequestDecoder};
use crate::wire::request::Request;
use crate::wire::{Malformed, netstring};

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// `NAME.POEM` in a netstring, the poem in another; no word for what is not done.
    Netstrings,
    /// `NAME LENGTH` and the poem; `OK LENGTH` and the poem, or `ERR reason`.
    Lines,
}

impl Speech {
    fn answer(self, poem: Bytes) -> Vec<Bytes> {
        match self {
            Speech::Netstrings => netstring::parts(poem).into(),
            Speech::Lines => vec![Answer::Ok(poem).to_lines()],
        }
    }

    fn refusal(self, why: &str) -> Option<Bytes> {
        match self {
            Speech::Netstrings => None,
            Speech::Lines => Some(Answer::Err(why.to_owned()).to_lines()),
        }
    }
}

/// The protocol for a new client.
pub(super) fn conversation(shared: Rc<Shared>, peer: SocketAddr, speech: Speech) -> Box<dyn Protocol> {
    let (limit, options) = (shared.options.limit, &shared.options);
    let left = Rc::new(Cell::new(if options.keep_alive { options.max_requests } else { 1 }));
    let idle = Rc::clone(&shared);
    let talk = Talk { shared, speech, peer, left: Rc::clone(&left), taken: 0 };
    match speech {
        Speech::Netstrings => {
            let requests = NetstringReceiver::new(talk, limit);
            Box::new(Conversation { requests, shared: idle, speech, left, ticket: None, quiet: None })
        }
        Speech::Lines => {
            let requests = LinesReceiver { decoder: RequestDecoder::new(limit), talk };
            Box::new(Conversation { requests, shared: idle, speech, left, ticket: None, quiet: None })
        }
    }
}

/// A protocol of requests.
trait Requests: Protocol {
    /// Whether some of a request has come and the rest has not.
    fn has_begun(&self) -> bool;
}

impl Requests for NetstringReceiver<Talk> {
    fn has_begun(&self) -> bool {
        NetstringReceiver::has_begun(self)
    }
}

impl Requests for LinesReceiver {
    fn has_begun(&self) -> bool {
        self.decoder.finish().is_err()
    }
}

/// The requests of one client, and when nothing is going on between them.
struct Conversation<R> {
    requests: R,
    shared: Rc<Shared>,
    speech: Speech,
    /// How many times it may still ask, as its talk counts.
    left: Rc<Cell<u32>>,
    ticket: Option<u64>,
    /// What ends it when no byte comes.
    quiet: Option<DelayedCall>,
}

impl<R> Conversation<R> {
    fn is_busy(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.idle.leave(ticket);
        }
    }

    /// From now on a byte must come each while.
    fn begin(&mut self, transport: &Transport) {
        transport.set_stall_limit(Some(self.shared.options.stall));
        let (quiet, shared, speech) = (transport.clone(), Rc::clone(&self.shared), self.speech);
        let (left, all) = (Rc::clone(&self.left), self.left.get());
        let close = move || {
            // One that was answered before is only not needed any more.
            if left.get() == all {
                left.set(0);
                let why = format!("it sent nothing for {:?}", shared.options.idle);
                if let Some(refusal) = speech.refusal(&why) {
                    quiet.write(refusal);
                }
                shared.malformed(quiet.peer(), 0, why);
            }
            quiet.lose_connection();
        };
        self.quiet = Some(transport.reactor().call_later(self.shared.options.idle, close));
    }
}

impl<R: Requests> Protocol for Conversation<R> {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.ticket = Some(self.shared.idle.enter(transport));
        self.begin(transport);
        self.requests.connection_made(transport)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        self.is_busy();
        if let Some(quiet) = &self.quiet {
            // Gone off already: then the connection is being closed, and this is read at the last moment.
            let _ = quiet.reset(self.shared.options.idle);
        }
        self.requests.data_received(transport, data)?;
        if !self.requests.has_begun() {
            self.ticket = Some(self.shared.idle.enter(transport));
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.is_busy();
        if let Some(quiet) = self.quiet.take() {
            // It may be what has ended it.
            let _ = quiet.cancel();
        }
        self.requests.connection_lost(reason);
    }

    /// `nc` sends its end behind the request: the answer still goes out.
    fn handles_half_close(&self) -> bool {
        true
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.requests.read_connection_lost(transport)
    }
}

/// What is said, whatever it is said in.
struct Talk {
    shared: Rc<Shared>,
    speech: Speech,
    peer: SocketAddr,
    /// How many times it may still ask; none when the conversation is over.
    left: Rc<Cell<u32>>,
    /// The bytes of the netstrings that have come.
    taken: u64,
}

impl Talk {
    fn end(&mut self, transport: &Transport) {
        self.left.set(0);
        transport.lose_connection();
    }

    fn asked(&mut self, transport: &Transport, request: Request) {
        if self.left.get() == 0 {
            return;
        }
        self.left.set(self.left.get() - 1);
        match self.shared.answer(&request) {
            Ok(poem) => {
                self.shared.answered(self.peer, request.name, poem.len());
                transport.write_sequence(self.speech.answer(poem));
            }
            Err(why) => {
                let refusal = self.speech.refusal(&why);
                self.shared.refuse(self.peer, request.name, why);
                match refusal {
                    Some(refusal) => transport.write(refusal),
                    None => self.left.set(0),
                }
            }
        }
        // What it sent ahead is not begun.
        if self.left.get() == 0 || self.shared.idle.is_stopping() {
            self.end(transport);
        }
    }

    /// What no request is ends the conversation.
    fn nonsense(&mut self, transport: &Transport, malformed: &Malformed) {
        if self.left.get() == 0 {
            return;
        }
        if let Some(refusal) = self.speech.refusal(&malformed.reason.to_string()) {
            transport.write(refusal);
        }
        self.tell(malformed);
        self.end(transport);
    }

    fn tell(&self, malformed: &Malformed) {
        self.shared.malformed(self.peer, malformed.offset, malformed.reason.to_string());
    }
}

impl StringProtocol for Talk {
    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        // Length, colon, string, comma: counted from the first byte of the connection.
        let head = string.len().to_string().len() as u64 + 1;
        let start = self.taken + head;
        self.taken = start + string.len() as u64 + 1;
        match Request::parse(&string) {
            Ok(request) => self.asked(transport, request),
            Err(wrong) => {
                self.nonsense(transport, &Malformed { offset: start + wrong.offset, ..wrong });
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason, ending: Result<(), Malformed>) {
        if let (Err(malformed), 1..) = (ending, self.left.get()) {
            self.tell(&malformed);
        }
    }
}

/// The second protocol, from bytes to requests.
struct LinesReceiver {
    decoder: RequestDecoder,
    talk: Talk,
}

impl Protocol for LinesReceiver {
    fn data_received(&mut self, transport: &Transport, mut data: &[u8]) -> Handled {
        while transport.is_connected() && self.talk.left.get() > 0 {
            match self.decoder.decode(&mut data) {
                Ok(Some(request)) => self.talk.asked(transport, request),
                Ok(None) => break,
                Err(malformed) => self.talk.nonsense(transport, &malformed),
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason) {
        if let (Err(malformed), 1..) = (self.decoder.finish(), self.talk.left.get()) {
            self.talk.tell(&malformed);
        }
    }

    /// A request that it will never finish is told so, for it may still read.
    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        match self.decoder.finish() {
            Err(malformed) => self.talk.nonsense(transport, &malformed),
            Ok(()) => transport.lose_connection(),
        }
        Ok(())
    }
}
