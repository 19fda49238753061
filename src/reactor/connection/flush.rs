//! The way of what was written to the kernel, and whoever waits for it to be through.

use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use super::super::producer::{Producer, ProducerError};
use super::super::reason::Reason;
use super::{Connection, Registered, Stage, WriteSide};

impl Connection {
    pub(crate) fn register_producer(
        &self,
        producer: Rc<dyn Producer>,
        streaming: bool,
    ) -> Result<(), ProducerError> {
        if !self.is_connected() {
            producer.stop_producing();
            return Ok(());
        }
        if self.producer.borrow().is_some() {
            return Err(ProducerError::AlreadyRegistered);
        }
        let pulled = (!streaming).then(|| Rc::clone(&producer));
        *self.producer.borrow_mut() = Some(Registered { producer, streaming });
        self.producer_paused.set(false);
        if let Some(producer) = pulled {
            producer.resume_producing();
        }
        Ok(())
    }

    pub(crate) fn unregister_producer(&self) {
        let gone = self.producer.take();
        drop(gone);
        if self.stage.get() == Stage::Closing {
            self.start_writing();
        }
    }

    pub(super) fn send(&self, socket: &TcpStream) -> Result<(), Reason> {
        let mut out = self.out.borrow_mut();
        if out.is_empty() {
            return Ok(());
        }
        // NOSIGNAL: a peer that is gone is an error of this connection, not the end of the process by SIGPIPE.
        let sent = sendmsg(socket, &out.slices(), &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL);
        match sent {
            Ok(sent) => out.advance(sent),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(Reason::lost(error.into())),
        }
        drop(out);
        self.watch_stall();
        Ok(())
    }

    /// Starts, restarts or ends the watch over a peer that takes nothing.
    pub(super) fn watch_stall(&self) {
        let limit = self.stall_limit.get().filter(|_| !self.out.borrow().is_empty());
        let mut stall = self.stall.borrow_mut();
        match (limit, stall.as_ref().filter(|call| call.is_active())) {
            (None, None) => {}
            (None, Some(_)) => {
                let _ = stall.take().map(|call| call.cancel());
            }
            (Some(limit), Some(call)) => {
                let _ = call.reset(limit);
            }
            (Some(limit), None) => {
                let me = self.me.clone();
                let give_up = move || {
                    if let Some(me) = me.upgrade() {
                        me.end_soon(Reason::Stalled(limit));
                    }
                };
                *stall = Some(self.reactor.call_later(limit, give_up));
            }
        }
    }

    /// Everything written was sent: what waited for that may go on.
    pub(super) fn flushed(&self) -> Result<(), Reason> {
        self.stop_writing();
        let waiting = {
            let producer = self.producer.borrow();
            let waits = producer.as_ref().filter(|it| !it.streaming || self.producer_paused.get());
            waits.map(|it| Rc::clone(&it.producer))
        };
        if let Some(producer) = waiting {
            self.producer_paused.set(false);
            producer.resume_producing();
            return Ok(());
        }
        if self.stage.get() == Stage::Closing {
            return Err(Reason::Done);
        }
        if self.write_side.get() == WriteSide::Shutting {
            return self.shut_write();
        }
        Ok(())
    }

    fn shut_write(&self) -> Result<(), Reason> {
        self.write_side.set(WriteSide::Shut);
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            socket.shutdown(Shutdown::Write).map_err(Reason::lost)?;
        }
        if self.peer_ended.get() {
            return Err(Reason::Done);
        }
        if self.half_close.get() {
            return self
                .call("write_connection_lost", |protocol, transport| {
                    protocol.write_connection_lost(transport)
                })
                .map_err(Reason::Raised);
        }
        Ok(())
    }
}
