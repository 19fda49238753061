//! The routes, on actix-web: HTTP on one side, the desk on the other.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::view::Refused;
use super::{Admin, Desk, Refusal, guard};

/// The longest body: 16 KiB, more than any path or key.
const BODY: usize = 16 << 10;

/// The routes, for whoever asks for another.
const ROUTES: &str = "/live, /ready, /tree, /cache, /kill, /drain, /cache/purge and /cache/refresh";

/// Whether the head of the request has come. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived(Rc<Cell<bool>>);

impl Arrived {
    pub(super) fn is(&self) -> bool {
        self.0.get()
    }
}

/// The application of one connection.
pub(super) fn app(
    admin: Admin,
    arrived: Arrived,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let get = |path, handler: actix_web::Route| {
        web::resource(path).route(handler).default_service(web::to(|it| wrong_method(it, "GET")))
    };
    let post = |path, handler: actix_web::Route| {
        web::resource(path).route(handler).default_service(web::to(|it| wrong_method(it, "POST")))
    };
    App::new()
        .app_data(Data::new(admin))
        .app_data(arrived)
        .app_data(PayloadConfig::new(BODY))
        .service(get("/live", web::get().to(live)))
        .service(get("/ready", web::get().to(ready)))
        .service(get("/tree", web::get().to(tree)))
        .service(get("/cache", web::get().to(caches)))
        .service(post("/kill", web::post().to(kill)))
        .service(post("/drain", web::post().to(drain)))
        .service(post("/cache/purge", web::post().to(purge)))
        .service(post("/cache/refresh", web::post().to(refresh)))
        .default_service(web::to(no_route))
        // Around all of it, so that a stranger does not even learn what there is.
        .wrap(from_fn(door))
}

/// Nobody who is foreign, and for anything but looking nobody without the token.
async fn door(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Some(arrived) = request.app_data::<Arrived>() {
        arrived.0.set(true);
    }
    let refusal = {
        let head = request.head();
        let familiar = guard::familiar(&head.uri, &head.headers);
        let looks = [Method::GET, Method::HEAD].contains(&head.method);
        match (familiar, request.app_data::<Data<Admin>>()) {
            (Err(refusal), _) => Some(refusal),
            (Ok(()), Some(admin)) if !looks => guard::has_token(&head.headers, &admin.token).err(),
            (Ok(()), _) => None,
        }
    };
    match refusal {
        Some(refusal) => Ok(request.into_response(refuse(&refusal))),
        None => next.call(request).await,
    }
}

async fn live(admin: Data<Admin>) -> HttpResponse {
    let live = admin.desk.live().await;
    answer(if live.live { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &live)
}

async fn ready(admin: Data<Admin>) -> HttpResponse {
    let ready = admin.desk.ready();
    answer(if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &ready)
}

async fn tree(admin: Data<Admin>) -> HttpResponse {
    answer(StatusCode::OK, &admin.desk.tree())
}

async fn caches(admin: Data<Admin>) -> HttpResponse {
    answer(StatusCode::OK, &admin.desk.caches().await)
}

async fn kill(request: HttpRequest, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let (admin, peer) = asked(&request);
    outcome(match order(body) {
        Ok(order) => admin.kill(order, peer).await,
        Err(refusal) => Err(refusal),
    })
}

async fn drain(request: HttpRequest) -> HttpResponse {
    let (admin, peer) = asked(&request);
    answer(StatusCode::ACCEPTED, &admin.drain(peer))
}

async fn purge(request: HttpRequest, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let (admin, peer) = asked(&request);
    outcome(match order(body) {
        Ok(order) => admin.purge(order, peer).await,
        Err(refusal) => Err(refusal),
    })
}

async fn refresh(request: HttpRequest, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let (admin, peer) = asked(&request);
    outcome(match order(body) {
        Ok(order) => admin.refresh(order, peer).await,
        Err(refusal) => Err(refusal),
    })
}

async fn no_route(request: HttpRequest) -> HttpResponse {
    refuse(&Refusal::NoRoute { path: request.path().to_owned(), routes: ROUTES })
}

async fn wrong_method(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    refuse(&Refusal::WrongMethod { path: request.path().to_owned(), allowed })
}

/// Who is asked, and by whom.
fn asked(request: &HttpRequest) -> (&Desk, SocketAddr) {
    let admin = request.app_data::<Data<Admin>>().expect("the application has it");
    let peer = request.peer_addr().expect("every connection has a peer");
    (&admin.desk, peer)
}

/// The order in a body; an empty one is the order that says nothing.
fn order<T: DeserializeOwned + Default>(body: Result<Bytes, actix_web::Error>) -> Result<T, Refusal> {
    let body = body.map_err(|error| match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Refusal::TooLarge { limit: BODY },
        _ => Refusal::Body(error.to_string()),
    })?;
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| Refusal::Body(error.to_string()))
}

fn outcome<T: Serialize>(outcome: Result<T, Refusal>) -> HttpResponse {
    match outcome {
        Ok(done) => answer(StatusCode::OK, &done),
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(status, &Refused { error: refusal.to_string() });
    if *refusal == Refusal::NoToken {
        response.headers_mut().insert(WWW_AUTHENTICATE, "Bearer".parse().expect("it is a header's value"));
    }
    response
}

fn answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}
