//! The poetry server: fast (Part 11), or slow on purpose (Part 2), for any number of clients at once.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use crate::reactor::{
    Factory, Handled, ListenError, ListenOptions, Port, Protocol, Reactor, Reason, Transport,
};
use crate::terms::ServeOptions;
use crate::terms::ServerEvent;
use crate::terms::framing::{pieces, take};

/// Serves `poem` on `options.listen` until the port is stopped; `sink` is told what happens.
///
/// A client that half-closes is still sent the whole poem; one that takes nothing for `options.stall` is reset.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve_poem(
    reactor: &Reactor,
    poem: Bytes,
    options: &ServeOptions,
    sink: impl Fn(&ServerEvent) + 'static,
) -> Result<Port, ListenError> {
    let factory = Rc::new(PoetryFactory { poem, options: options.clone(), sink: Rc::new(sink) });
    let listen = ListenOptions { max_connections: options.max_connections, ..ListenOptions::default() };
    reactor.listen_tcp(options.listen, factory, &listen)
}

type Sink = Rc<dyn Fn(&ServerEvent)>;

struct PoetryFactory {
    poem: Bytes,
    options: ServeOptions,
    sink: Sink,
}

impl Factory for PoetryFactory {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let (poem, options, sink) = (self.poem.clone(), self.options.clone(), Rc::clone(&self.sink));
        Some(Box::new(PoetryProtocol { poem, options, sink, peer }))
    }
}

struct PoetryProtocol {
    poem: Bytes,
    options: ServeOptions,
    sink: Sink,
    peer: SocketAddr,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        (self.sink)(&ServerEvent::Asked(self.peer));
        (self.sink)(&ServerEvent::Sending { peer: self.peer, bytes: self.poem.len() });
        transport.set_stall_limit(Some(self.options.stall));
        let left = pieces(&self.poem, self.options.framing);
        if self.options.pace.is_some() {
            let (transport, options, sink) = (transport.clone(), self.options.clone(), Rc::clone(&self.sink));
            Rc::new(Trickle { transport, options, sink, left: RefCell::new(left) }).send_some();
        } else {
            transport.write_sequence(left);
            transport.lose_connection();
        }
        Ok(())
    }

    /// Nobody asked: `curl` sends a request all the same.
    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Handled {
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        let failure = (!reason.is_done()).then(|| reason.to_string());
        (self.sink)(&ServerEvent::Ended { peer: self.peer, failure });
    }

    fn handles_half_close(&self) -> bool {
        true
    }

    /// Half-close is not leaving: the poem goes on.
    fn read_connection_lost(&mut self, _transport: &Transport) -> Handled {
        Ok(())
    }
}

/// What a slow server still has to send to one client.
struct Trickle {
    transport: Transport,
    options: ServeOptions,
    sink: Sink,
    left: RefCell<Vec<Bytes>>,
}

impl Trickle {
    /// Sends the next bytes, and comes back after the delay while there are more.
    fn send_some(self: Rc<Self>) {
        let pace = self.options.pace.unwrap_or_default();
        if !self.transport.is_connected() {
            return;
        }
        // A client that does not keep up even with this pace is waited for: nothing piles up here.
        if self.transport.buffered() == 0 {
            let some = take(&mut self.left.borrow_mut(), pace.num_bytes.get());
            (self.sink)(&ServerEvent::Chunk(some.iter().map(Bytes::len).sum()));
            self.transport.write_sequence(some);
        }
        if self.left.borrow().is_empty() {
            return self.transport.lose_connection();
        }
        let reactor = self.transport.reactor().clone();
        reactor.call_later(pace.delay, move || self.send_some());
    }
}
