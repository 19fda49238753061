//! Supervised workers in an actix-web app: one of them crashes on a request. Who made that request gets a 500 with the
//! reason; the worker is started again, the others and the server's own threads do not notice. Four requests are made
//! by a client in the same program.
//!
//!     cargo run --package supervisors --example web

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix::prelude::*;
use actix_web::{App, HttpResponse, HttpServer, web};
use supervisors::supervisor::{ChildSpec, PartitionRef, PartitionSupervisor};
use supervisors::{CallError, ExitReason, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Counts what it was asked for. An ordinary actix actor, whose state is gone when it crashes.
#[derive(Default)]
struct Visits(u32);

impl Actor for Visits {
    type Context = Context<Self>;
}

/// Somebody was here; how many have been, then.
#[derive(Message)]
#[rtype(result = "u32")]
struct Visit(String);

impl Handler<Visit> for Visits {
    type Result = u32;

    fn handle(&mut self, Visit(name): Visit, _: &mut Self::Context) -> u32 {
        assert!(name.len() < 10, "only short names were thought of");
        self.0 += 1;
        self.0
    }
}

/// A request handler, on a thread of the server's: the same name comes to the same worker each time.
async fn visit(name: web::Path<String>, visits: web::Data<PartitionRef<Visits>>) -> HttpResponse {
    let name = name.into_inner();
    let worker = visits.which(&name);
    match worker.call(Visit(name)).within(Duration::from_secs(1)).await {
        Ok(count) => HttpResponse::Ok().body(count.to_string()),
        // It was this request that was too much: made again, it would be too much again.
        Err(error @ CallError::Exit(_)) => HttpResponse::InternalServerError().body(error.to_string()),
        Err(error @ CallError::Timeout(_)) => HttpResponse::GatewayTimeout().body(error.to_string()),
        // Between two lives, or more to do than it can: later.
        Err(error) => HttpResponse::ServiceUnavailable().body(error.to_string()),
    }
}

/// What a client gets: the status, and the body.
async fn get(address: SocketAddr, name: &str) -> io::Result<(u16, String)> {
    loop {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /visit/{name} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        if status != 503 {
            return Ok((status, answer.rsplit("\r\n").next().unwrap_or_default().to_owned()));
        }
        // The worker is being started again.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = Node::builder().on_event(|at, event| println!("{at:>9.1?} {event}")).build();
    let visits = PartitionSupervisor::with_partitions("visits", 2, |number| {
        ChildSpec::new(format!("visits-{number}"), Visits::default)
    });
    // On the main thread; the server's threads have none of it but a reference.
    let visits = visits.start(&node).await?;

    let data = web::Data::new(visits.clone());
    let app = move || App::new().app_data(data.clone()).route("/visit/{name}", web::get().to(visit));
    let server = HttpServer::new(app).workers(2).disable_signals().bind(("127.0.0.1", 0))?;
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let serving = actix_rt::spawn(server);

    let (mut answered, mut failed) = (0, 0);
    // The long name comes to the worker that ada's does: of her first visit it knows nothing afterwards.
    for name in ["ada", "grace", "a-rather-long-name", "ada"] {
        let (status, body) = get(address, name).await?;
        println!("          GET /visit/{name}: {status}, {body}");
        match status {
            200 => answered += 1,
            _ => failed += 1,
        }
    }

    // The server first: nobody asks a tree that has stopped.
    handle.stop(true).await;
    serving.await??;
    let tree = visits.supervisor().tree();
    print!("{tree}");
    let restarts: u64 = tree.children.iter().map(|child| child.restarts).sum();
    assert_eq!(visits.supervisor().stop().await, ExitReason::Shutdown);
    println!("{answered} requests answered, {failed} told of the crash it was, {restarts} worker restarted");
    Ok(())
}
