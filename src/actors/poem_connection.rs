//! One client of a poem server.

use std::io;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Running, WrapFuture};
use supervisors::Port;
use supervisors::supervisor::{Child, ChildSpec, Shutdown};

use super::limit::Permit;
use super::listener::{Service, Visit};
use super::session::{ConnectionOptions, Life, Session};
use crate::config::{Framing, Pace};
use crate::event::Event;
use crate::message::GetPoem;
use crate::net::Accepted;
use crate::wire::netstring;

/// What a poem server does for whoever connects: it sends its poem and says goodbye.
#[derive(Clone, Debug)]
pub struct PoemService {
    /// Who has the poem.
    pub source: Port<GetPoem>,
    /// Fast or slow.
    pub pace: Pace,
    /// How the poem goes over the wire.
    pub framing: Framing,
    /// Bounds of a connection.
    pub options: ConnectionOptions,
}

impl Service for PoemService {
    fn connection(&self, visit: Visit) -> Child {
        let service = self.clone();
        ChildSpec::once(visit.id.clone(), move || PoemConnection::new(service, visit))
            .shutdown(Shutdown::Timeout(self.options.drain))
            .into()
    }
}

/// Sends one poem to one client.
///
/// Owns the client's connection and its permit. Started by the branch's connections, on behalf of the listener. Ends
/// when the poem is sent and the client has gone; asked to stop, it finishes first. Never reads what the client sends
/// while it sends: half-close is not leaving.
pub struct PoemConnection {
    work: Option<(PoemService, Accepted)>,
    life: Life,
    _permit: Permit,
}

impl PoemConnection {
    fn new(service: PoemService, visit: Visit) -> Self {
        let life = Life::new(visit.service, visit.accepted.peer(), visit.reporter);
        Self { work: Some((service, visit.accepted)), life, _permit: visit.permit }
    }
}

async fn serve(service: PoemService, mut session: Session) -> io::Result<()> {
    let PoemService { source, pace, framing, .. } = service;
    // Nothing but the text is kept while it is sent: each connection has room for all it holds across a wait.
    let bytes = source.call(GetPoem).await.map_err(io::Error::other)?.bytes().clone();
    let (peer, length) = (session.life().peer(), bytes.len());
    session.life().reporter().report(Event::Sending { peer, bytes: length });
    match framing {
        Framing::Raw => session.send_last(&[bytes], pace).await?,
        Framing::Netstring => session.send_last(&netstring::parts(bytes), pace).await?,
    }
    session.finish().await
}

impl Actor for PoemConnection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((service, accepted)) = self.work.take() else { return };
        let session = Session::new(accepted, self.life.clone(), service.options);
        let served = serve(service, session).into_actor(self);
        ctx.spawn(served.map(|served, this, ctx| {
            if let Err(error) = served {
                this.life.reset(|| error.to_string());
            }
            ctx.stop();
        }));
    }

    /// A drain waits for the poem to be whole; whoever asked has a time limit.
    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.life.is_over() { Running::Stop } else { Running::Continue }
    }
}

impl Drop for PoemConnection {
    fn drop(&mut self) {
        self.life.reset(|| "its process ended".to_owned());
    }
}
