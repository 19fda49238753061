//! Connections that are accepted through a network with faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::open::Open;
use super::stream::{FaultyStream, Side};
use super::{FaultyNet, Target};
use crate::lab::fault::NetFault;
use crate::net::{Accept, AcceptError, Accepted, Bound, Listen, NetError, Stream};

/// A listening socket of the network inside.
pub(super) struct FaultyListen {
    pub(super) net: FaultyNet,
    pub(super) inner: Bound,
}

impl Listen for FaultyListen {
    fn attach(&self) -> Result<Box<dyn Accept>, NetError> {
        let (net, at, inner) = (self.net.clone(), self.inner.address(), self.inner.attach()?);
        Ok(Box::new(FaultyAccept { net, at, inner }))
    }
}

struct FaultyAccept {
    net: FaultyNet,
    at: SocketAddr,
    inner: Box<dyn Accept>,
}

impl Accept for FaultyAccept {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Accepted, AcceptError>> {
        loop {
            let accepted = match ready!(self.inner.poll_accept(cx)) {
                Ok(accepted) => accepted,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let Some((connection, fault, chance)) = self.net.fate_of(Target::Accepted(self.at)) else {
                return Poll::Ready(Ok(accepted));
            };
            let (peer, stream) = (accepted.peer(), accepted.attach());
            let mut open = Open::accepted(Arc::clone(&self.net.tell), connection, self.at);
            if fault == NetFault::Refused {
                open.struck(fault);
                stream.abort();
                continue;
            }
            let stream = FaultyStream::new(stream, Side::Accepted, Some(fault), chance, open);
            return Poll::Ready(Ok(Accepted::new(peer, Stream::Other(Box::new(stream)))));
        }
    }
}
