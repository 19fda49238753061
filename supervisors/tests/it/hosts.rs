//! Programs that a node lives in beside others: many arbiters, a web server, a simulated network.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix::prelude::*;
use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{CallError, ExitReason, Node, Place, Process, Ref};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{life, reborn, stop, supervised};

/// Divides, and says where.
struct Divider;

impl Actor for Divider {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "(u32, ThreadId)")]
struct Divide(u32, u32);

impl Handler<Divide> for Divider {
    type Result = MessageResult<Divide>;

    fn handle(&mut self, Divide(a, b): Divide, _: &mut Self::Context) -> Self::Result {
        MessageResult((a / b, thread::current().id()))
    }
}

#[test]
fn one_tree_spans_the_arbiters_of_a_system_and_each_child_is_restarted_on_its_own() {
    System::new().block_on(async {
        let arbiters: Vec<_> = (0..4).map(|_| Arbiter::new()).collect();
        let mut root = Supervisor::new("root").intensity(100, Duration::from_secs(1));
        let mut dividers: Vec<Ref<Divider>> = Vec::new();
        for number in 0..16 {
            let arbiter = &arbiters[number % arbiters.len()];
            let spec = ChildSpec::new(format!("divider-{number}"), || Divider);
            dividers.push(spec.reference());
            root = root.child(spec.place(Place::Arbiter(arbiter.handle())));
        }
        let root = root.start(&Node::new()).await.expect("it starts");
        let mut homes = Vec::new();
        for divider in &dividers {
            homes.push(divider.call(Divide(1, 1)).await.expect("it answers").1);
        }
        assert_eq!(homes.iter().map(|home| format!("{home:?}")).collect::<BTreeSet<_>>().len(), 4);
        // All crash at once, on four threads.
        let lives: Vec<_> = dividers.iter().map(life).collect();
        for divider in &dividers {
            divider.cast(Divide(1, 0));
        }
        for ((divider, before), home) in dividers.iter().zip(&lives).zip(&homes) {
            reborn(divider, before).await;
            assert_eq!(divider.call(Divide(6, 2)).await, Ok((3, *home)));
        }
        assert_eq!(stop(&root).await, ExitReason::Shutdown);
        for arbiter in arbiters {
            arbiter.stop();
            arbiter.join().expect("the thread ends well");
        }
    });
}

#[test]
fn a_tree_may_live_on_an_arbiter_and_be_used_from_elsewhere() {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let spec = ChildSpec::new("divider", || Divider);
        let divider = spec.reference();
        let (tell, told) = tokio::sync::oneshot::channel();
        arbiter.spawn_fn(move || {
            actix_rt::spawn(async move {
                let root = supervised(&Node::new(), spec).await;
                let _ = tell.send(root);
            });
        });
        let root = told.await.expect("it starts");
        let (result, there) = divider.call(Divide(6, 2)).await.expect("it answers");
        assert!(result == 3 && there != thread::current().id());
        let first = life(&divider);
        let crash = divider.call(Divide(1, 0)).await;
        assert!(matches!(crash, Err(CallError::Exit(ExitReason::Panicked { .. }))), "{crash:?}");
        reborn(&divider, &first).await;
        assert_eq!(divider.call(Divide(8, 2)).await, Ok((4, there)));
        let process = root.process().expect("it runs");
        // Its thread goes: nobody is left who could run it.
        arbiter.stop();
        arbiter.join().expect("the thread ends well");
        assert_eq!(process.exited().await, ExitReason::Killed);
        assert_eq!(divider.call(Divide(8, 2)).await, Err(CallError::NoProc));
    });
}

/// A handler of the web server, on a thread of the server's.
async fn divide(numbers: web::Path<(u32, u32)>, divider: web::Data<Ref<Divider>>) -> HttpResponse {
    let (a, b) = numbers.into_inner();
    match divider.call(Divide(a, b)).await {
        Ok((result, home)) if home != thread::current().id() => HttpResponse::Ok().body(result.to_string()),
        Ok(_) => HttpResponse::NotFound().finish(),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// Starts a process on the server's own thread, and asks it.
async fn here(node: web::Data<Node>) -> HttpResponse {
    let divider = node.spawn(Divider);
    let answer = divider.call(Divide(8, 2)).await;
    divider.kill();
    match answer {
        Ok((result, home)) if home == thread::current().id() => HttpResponse::Ok().body(result.to_string()),
        other => HttpResponse::InternalServerError().body(format!("{other:?}")),
    }
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        answer
    };
    tokio::time::timeout(Duration::from_secs(10), ask).await.expect("it answers in time")
}

#[test]
fn the_handlers_of_a_web_server_reach_a_supervised_actor_through_its_crashes() {
    System::new().block_on(async {
        let node = Node::new();
        let spec = ChildSpec::new("divider", || Divider);
        let divider = spec.reference();
        let root = supervised(&node, spec).await;
        let held = divider.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(held.clone()))
                .app_data(web::Data::new(node.clone()))
                .route("/divide/{a}/{b}", web::get().to(divide))
                .route("/here", web::get().to(here))
        });
        let server = server.workers(2).disable_signals().bind(("127.0.0.1", 0)).expect("there is a port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        let serving = actix_rt::spawn(server);
        assert!(get(address, "/divide/6/2").await.ends_with("\r\n\r\n3"));
        let first = life(&divider);
        let crash = get(address, "/divide/1/0").await;
        assert!(crash.starts_with("HTTP/1.1 500") && crash.contains("attempt to divide by zero"), "{crash}");
        reborn(&divider, &first).await;
        assert!(
            get(address, "/divide/8/2").await.ends_with("\r\n\r\n4"),
            "the same reference, the next life"
        );
        assert!(get(address, "/here").await.ends_with("\r\n\r\n4"));
        handle.stop(true).await;
        serving.await.expect("it is not aborted").expect("it ends well");
        assert_eq!(stop(&root).await, ExitReason::Shutdown);
    });
}

/// A node on a simulated host: a supervised divider, asked over the simulated network, a line a connection.
async fn simulated_host(first: Arc<Mutex<Vec<Process>>>) -> turmoil::Result {
    let spec = ChildSpec::new("divider", || Divider);
    let divider = spec.reference();
    let _root = supervised(&Node::builder().seed(1).build(), spec).await;
    first.lock().push(life(&divider));
    let listener = turmoil::net::TcpListener::bind("0.0.0.0:1").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let by = stream.read_u32().await?;
        let answer = divider.call(Divide(8, by)).await;
        stream.write_u32(answer.map_or(0, |(result, _)| result)).await?;
    }
}

async fn ask_host(by: u32) -> turmoil::Result<u32> {
    let mut stream = turmoil::net::TcpStream::connect("host:1").await?;
    stream.write_u32(by).await?;
    Ok(stream.read_u32().await?)
}

#[test]
fn a_node_lives_on_a_simulated_host_and_dies_with_it() {
    let lives = Arc::<Mutex<Vec<Process>>>::default();
    let mut sim = turmoil::Builder::new().rng_seed(1).simulation_duration(Duration::from_secs(600)).build();
    let here = Arc::clone(&lives);
    sim.host("host", move || simulated_host(Arc::clone(&here)));
    let asked = Rc::new(Cell::new(0));
    let done = Rc::clone(&asked);
    sim.client("client", async move {
        assert_eq!(ask_host(2).await?, 4);
        assert_eq!(ask_host(0).await?, 0, "it crashes");
        assert_eq!(ask_host(4).await?, 2, "and is restarted");
        done.set(1);
        // Until the host is back after its own crash.
        while ask_host(8).await.ok() != Some(1) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        done.set(2);
        Ok(())
    });
    while asked.get() == 0 {
        sim.step().expect("it goes on");
    }
    sim.crash("host");
    assert!(lives.lock().iter().all(|process| !process.is_alive()), "nothing of it is left running");
    sim.bounce("host");
    sim.run().expect("all is well");
    assert_eq!((asked.get(), lives.lock().len()), (2, 2));
}
