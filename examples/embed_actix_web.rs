//! A node inside an actix-web program: the web server hands out the node's poem, and its supervision tree.
//!
//! ```text
//! cargo run --example embed_actix_web [PATH]
//! ```
//!
//! PATH is what is asked for: `/poem` (the default) or `/tree`.

#![allow(clippy::print_stdout, reason = "printing is its job")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verse::client::get_poetry;
use verse::config::Config;
use verse::node::{RunningNode, Setup};

async fn poem(node: web::Data<RunningNode>) -> HttpResponse {
    match get_poetry(node.listening()[0].address).await {
        Ok(poem) => HttpResponse::Ok().body(poem),
        Err(error) => HttpResponse::BadGateway().body(error.to_string()),
    }
}

async fn tree(node: web::Data<RunningNode>) -> HttpResponse {
    HttpResponse::Ok().body(node.tree().to_string())
}

/// What a web browser would do: the status and the body.
async fn browse(server: SocketAddr, path: &str) -> Result<(String, String), Box<dyn Error>> {
    let mut stream = tokio::net::TcpStream::connect(server).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()))
}

async fn run(path: &str) -> Result<(), Box<dyn Error>> {
    let config = Config::from_toml("[[poem]]\nembedded = \"science\"\nlisten = \"127.0.0.1:0\"", "embedded")?;
    // On this thread, beside the web server's own: an actix system has the `LocalSet` that a node asks for.
    let node = Arc::new(Setup::load(config)?.start().await?);
    let shared = web::Data::from(Arc::clone(&node));
    let server = HttpServer::new(move || {
        let app = App::new().app_data(shared.clone());
        app.route("/poem", web::get().to(poem)).route("/tree", web::get().to(tree))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0")?;
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);

    let (status, body) = browse(address, path).await?;
    println!("{body}");
    handle.stop(true).await;
    running.await??;
    node.drain().await;
    println!("{path}: {status}, {} lines", body.lines().count());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/poem".to_owned());
    actix_rt::System::new().block_on(run(&path))
}
