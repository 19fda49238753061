//! One connection of the admin port.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Running, WrapFuture};
use actix_http::{HttpService, KeepAlive};
use actix_service::{Service as _, ServiceFactory as _, map_config};
use actix_web::dev::AppConfig;
use supervisors::supervisor::{Child, ChildSpec, Shutdown};

use super::Admin;
use super::routes::{self, Arrived};
use super::socket::Socket;
use crate::actors::{Permit, Service, Visit};
use crate::net::Accepted;

/// How long the head of a request may take to come. 5 s, for a client on the same machine.
const HEAD: Duration = Duration::from_secs(5);

/// How long a client that was answered may take to leave. 1 s.
const LINGER: Duration = Duration::from_secs(1);

/// How long all of it may take: the body, the answer, a client that reads slowly. 30 s.
const WHOLE: Duration = Duration::from_secs(30);

/// How long it may take to finish when the node ends. 2 s: an answer takes a moment, a kill that is waited for one more.
const STOP: Duration = Duration::from_secs(2);

impl Service for Admin {
    fn connection(&self, visit: Visit) -> Child {
        let admin = self.clone();
        ChildSpec::once(visit.id.clone(), move || AdminConnection::new(admin, visit))
            .shutdown(Shutdown::Timeout(STOP))
            .into()
    }
}

/// Answers one request, by actix-web, and closes.
///
/// Owns the client's connection and its permit. Started by the branch's connections, on behalf of the listener. Ends when
/// the answer is sent and the client has gone, or after 30 s, or by a panic in a route, which is the client's reset and
/// nobody else's trouble. Asked to stop, it finishes what it was asked for, if it was. Never keeps a connection for a
/// second request: there is always a permit soon.
pub(super) struct AdminConnection {
    work: Option<(Admin, Accepted)>,
    /// Whether the client has said anything.
    heard: Rc<Cell<bool>>,
    served: bool,
    _permit: Permit,
}

impl AdminConnection {
    fn new(admin: Admin, visit: Visit) -> Self {
        let heard = Rc::default();
        Self { work: Some((admin, visit.accepted)), heard, served: false, _permit: visit.permit }
    }
}

/// From the request to the end of the connection. What goes wrong on it is the client's own affair.
///
/// actix-web could watch over the head, too, but by the system's clock and not by the node's.
async fn serve(admin: Admin, accepted: Accepted, heard: Rc<Cell<bool>>) {
    let arrived = Arrived::default();
    let late = async {
        tokio::time::sleep(HEAD).await;
        if arrived.is() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = answer(admin, accepted, heard, arrived.clone()) => {}
        () = late => {}
    }
}

async fn answer(admin: Admin, accepted: Accepted, heard: Rc<Cell<bool>>, arrived: Arrived) {
    let peer = accepted.peer();
    let socket = Socket::new(accepted.attach(), heard);
    let app = routes::app(admin, arrived);
    let http = HttpService::build()
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .h1(map_config(app, |()| AppConfig::default()));
    let Ok(http) = http.new_service(()).await else { return };
    let _ = http.call((socket, Some(peer))).await;
}

impl Actor for AdminConnection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((admin, accepted)) = self.work.take() else { return };
        let serving = tokio::time::timeout(WHOLE, serve(admin, accepted, Rc::clone(&self.heard)));
        ctx.spawn(serving.into_actor(self).map(|_, this, ctx| {
            this.served = true;
            ctx.stop();
        }));
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.heard.get() && !self.served { Running::Continue } else { Running::Stop }
    }
}

impl fmt::Debug for AdminConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminConnection(heard: {}, served: {})", self.heard.get(), self.served)
    }
}
