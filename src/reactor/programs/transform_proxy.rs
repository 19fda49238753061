//! The transformation proxy: speaks the transform protocol, asks another server, and remembers (Part 14, an exercise).

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::fetch::forward;
use super::idle::Idle;
use super::proxy::{ProxyEvent, ProxyOptions};
use crate::deferred::{Cancelled, Deferred, succeed};
use crate::reactor::{
    DelayedCall, Factory, Handled, ListenError, ListenOptions, NetstringReceiver, Port, Protocol, Reactor,
    Reason, StringProtocol, Target, Transport, send_string,
};
use crate::wire::{Malformed, netstring};

/// Answers remembered: the oldest goes first. With requests and answers of at most 1 MiB each, 64 MiB.
const REMEMBERED: usize = 32;

/// Serves the transformations of `upstream`, asking it once for each request that is not remembered. Of `options`
/// the version and the framing have no meaning here.
///
/// A client that leaves cancels its own request. What cannot be answered is reset.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve_transform_proxy(
    reactor: &Reactor,
    upstream: impl Into<Target>,
    options: &ProxyOptions,
    sink: impl Fn(&ProxyEvent) + 'static,
) -> Result<Port, ListenError> {
    let service = Rc::new(Service {
        reactor: reactor.clone(),
        upstream: upstream.into(),
        options: options.clone(),
        sink: Box::new(sink),
        answers: RefCell::default(),
        order: RefCell::default(),
        idle: Idle::new(reactor),
    });
    let listen = ListenOptions { max_connections: options.max_connections, ..ListenOptions::default() };
    reactor.listen_tcp(options.listen, Rc::new(ProxyFactory { service }), &listen)
}

struct Service {
    reactor: Reactor,
    upstream: Target,
    options: ProxyOptions,
    sink: Box<dyn Fn(&ProxyEvent)>,
    answers: RefCell<BTreeMap<Bytes, (Bytes, Duration)>>,
    idle: Rc<Idle>,
    /// The requests answered, the oldest first.
    order: RefCell<VecDeque<Bytes>>,
}

impl Service {
    fn answer(self: &Rc<Self>, request: &Bytes) -> Deferred<Bytes> {
        let now = self.reactor.now();
        let good = |came: Duration| self.options.ttl.is_none_or(|ttl| now.saturating_sub(came) < ttl);
        let known =
            self.answers.borrow().get(request).filter(|(_, came)| good(*came)).map(|(it, _)| it.clone());
        if let Some(answer) = known {
            (self.sink)(&ProxyEvent::UsingCached);
            return succeed(answer);
        }
        (self.sink)(&ProxyEvent::Fetching);
        let (remembering, asked) = (Rc::clone(self), request.clone());
        let get = &self.options.get;
        forward(&self.reactor, self.upstream.clone(), request, get).add_callback(move |answer| {
            remembering.remember(asked, answer.clone());
            answer
        })
    }

    fn remember(&self, request: Bytes, answer: Bytes) {
        let known = self.answers.borrow_mut().insert(request.clone(), (answer, self.reactor.now())).is_some();
        if known {
            return;
        }
        let mut order = self.order.borrow_mut();
        order.push_back(request);
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            self.answers.borrow_mut().remove(&oldest);
        }
    }
}

struct ProxyFactory {
    service: Rc<Service>,
}

impl Factory for ProxyFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let service = Rc::clone(&self.service);
        let protocol = ProxyProtocol { service, answer: None, quiet: None, ticket: None };
        Some(Box::new(NetstringReceiver::new(protocol, netstring::DEFAULT_LIMIT)))
    }
}

struct ProxyProtocol {
    service: Rc<Service>,
    answer: Option<Deferred<()>>,
    /// Ends a connection that asks for nothing.
    quiet: Option<DelayedCall>,
    /// That it has asked for nothing yet.
    ticket: Option<u64>,
}

impl ProxyProtocol {
    fn no_longer_idle(&mut self) {
        if let Some(quiet) = self.quiet.take() {
            // Gone off already: then the connection is being aborted anyway.
            let _ = quiet.cancel();
        }
        if let Some(ticket) = self.ticket.take() {
            self.service.idle.leave(ticket);
        }
    }
}

impl StringProtocol for ProxyProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        transport.set_stall_limit(Some(self.service.options.stall));
        let quiet = transport.clone();
        let limit = self.service.options.get.idle_timeout;
        self.ticket = Some(self.service.idle.enter(transport));
        self.quiet = Some(transport.reactor().call_later(limit, move || quiet.abort_connection()));
        Ok(())
    }

    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        // One request a connection, as the series has it.
        if self.answer.is_some() {
            return Ok(());
        }
        self.no_longer_idle();
        let (sending, resetting) = (transport.clone(), transport.clone());
        let service = Rc::clone(&self.service);
        let answer = self.service.answer(&string).map(move |answer| {
            send_string(&sending, answer);
            sending.lose_connection();
        });
        answer.add_errback(move |failure| {
            if failure.check::<Cancelled>().is_none() {
                (service.sink)(&ProxyEvent::Failed(failure.to_string()));
            }
            resetting.abort_connection();
        });
        self.answer = Some(answer);
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason, _ending: Result<(), Malformed>) {
        self.no_longer_idle();
        if let Some(answer) = self.answer.take() {
            answer.cancel();
        }
    }

    fn handles_half_close(&self) -> bool {
        true
    }

    /// `nc` sends its end behind the request: only one that asked for nothing has left.
    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        if self.answer.is_none() {
            transport.lose_connection();
        }
        Ok(())
    }
}
