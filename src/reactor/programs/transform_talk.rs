//! What the transform server says to one client, in either of its protocols (Part 12).

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
    let left = if options.keep_alive { options.max_requests } else { 1 };
    let idle = Rc::clone(&shared);
    let talk = Talk { shared, speech, peer, left, quiet: None };
    match speech {
        Speech::Netstrings => {
            let requests = NetstringReceiver::new(talk, limit);
            Box::new(Conversation { requests, shared: idle, ticket: None })
        }
        Speech::Lines => {
            let requests = LinesReceiver { decoder: RequestDecoder::new(limit), talk };
            Box::new(Conversation { requests, shared: idle, ticket: None })
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
    ticket: Option<u64>,
}

impl<R> Conversation<R> {
    fn is_busy(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.idle.leave(ticket);
        }
    }
}

impl<R: Requests> Protocol for Conversation<R> {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.ticket = Some(self.shared.idle.enter(transport));
        self.requests.connection_made(transport)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        self.is_busy();
        self.requests.data_received(transport, data)?;
        if !self.requests.has_begun() {
            self.ticket = Some(self.shared.idle.enter(transport));
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.is_busy();
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
    /// How many times it may still ask.
    left: u32,
    quiet: Option<DelayedCall>,
}

impl Talk {
    fn begin(&mut self, transport: &Transport) {
        transport.set_stall_limit(Some(self.shared.options.stall));
        let (quiet, shared, peer) = (transport.clone(), Rc::clone(&self.shared), self.peer);
        let close = move || {
            shared.refuse(peer, "it asked for nothing".to_owned());
            quiet.abort_connection();
        };
        self.quiet = Some(transport.reactor().call_later(self.shared.options.idle, close));
    }

    fn end(&mut self, transport: &Transport) {
        self.left = 0;
        transport.lose_connection();
    }

    fn asked(&mut self, transport: &Transport, request: Request) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if let Some(quiet) = &self.quiet {
            // Gone off already: then the connection is being aborted, and this is answered into nothing.
            let _ = quiet.reset(self.shared.options.idle);
        }
        match self.shared.answer(&request) {
            Ok(poem) => {
                self.shared.answered(self.peer, request.name, poem.len());
                transport.write_sequence(self.speech.answer(poem));
            }
            Err(why) => {
                let refusal = self.speech.refusal(&why);
                self.shared.refuse(self.peer, why);
                match refusal {
                    Some(refusal) => transport.write(refusal),
                    None => self.left = 0,
                }
            }
        }
        // What it sent ahead is not begun.
        if self.left == 0 || self.shared.idle.is_stopping() {
            self.end(transport);
        }
    }

    /// What no request is ends the conversation.
    fn nonsense(&mut self, transport: &Transport, malformed: &Malformed) {
        if self.left == 0 {
            return;
        }
        let why = malformed.to_string();
        if let Some(refusal) = self.speech.refusal(&why) {
            transport.write(refusal);
        }
        self.shared.refuse(self.peer, why);
        self.end(transport);
    }

    fn over(&mut self) {
        if let Some(quiet) = self.quiet.take() {
            let _ = quiet.cancel();
        }
    }
}

impl StringProtocol for Talk {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.begin(transport);
        Ok(())
    }

    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        match Request::parse(&string) {
            Ok(request) => self.asked(transport, request),
            Err(malformed) => self.nonsense(transport, &malformed),
        }
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason, ending: Result<(), Malformed>) {
        self.over();
        if let (Err(malformed), 1..) = (ending, self.left) {
            self.shared.refuse(self.peer, malformed.to_string());
        }
    }
}

/// The second protocol, from bytes to requests.
struct LinesReceiver {
    decoder: RequestDecoder,
    talk: Talk,
}

impl Protocol for LinesReceiver {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.talk.begin(transport);
        Ok(())
    }

    fn data_received(&mut self, transport: &Transport, mut data: &[u8]) -> Handled {
        while transport.is_connected() && self.talk.left > 0 {
            match self.decoder.decode(&mut data) {
                Ok(Some(request)) => self.talk.asked(transport, request),
                Ok(None) => break,
                Err(malformed) => self.talk.nonsense(transport, &malformed),
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason) {
        self.talk.over();
        if let (Err(malformed), 1..) = (self.decoder.finish(), self.talk.left) {
            self.talk.shared.refuse(self.talk.peer, malformed.to_string());
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
