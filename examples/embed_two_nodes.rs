//! Two nodes in one program that do not see each other: names, history, tree and chance are each node's own.
//!
//! ```text
//! cargo run --example embed_two_nodes [PATH]
//! ```
//!
//! PATH is whom of the first node's tree a crash befalls, default `poems/science/source`.

#![allow(clippy::print_stdout, reason = "printing is its job")]

use std::error::Error;
use std::time::Duration;

use verse::client::get_poetry;
use verse::config::Config;
use verse::event::Reporter;
use verse::node::{RunningNode, Setup, ThreadNode, World};

async fn start(name: &'static str) -> Result<ThreadNode, Box<dyn Error>> {
    let config = Config::from_toml("[[poem]]\nembedded = \"science\"\nlisten = \"127.0.0.1:0\"", name)?;
    let world = World { reporter: Reporter::new(|node| node.name(name)), ..World::default() };
    Ok(Setup::load(config)?.world(world).start_on_thread().await?)
}

fn restarts(node: &RunningNode, path: &str) -> u64 {
    node.tree().find(path).map_or(0, |child| child.restarts)
}

async fn run(path: &str) -> Result<(), Box<dyn Error>> {
    let (one, two) = (start("one").await?, start("two").await?);
    let mut heard = two.world().reporter.history().subscribe(1000);
    let struck = one.tree().find(path).and_then(|child| child.process.clone());
    struck.ok_or("nobody is there")?.crash("as asked");
    // A node looks after itself; the next life is there a moment later.
    while restarts(&one, path) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    print!("{}", one.tree());
    let (here, there) = (restarts(&one, path), restarts(&two, path));
    let events = std::iter::from_fn(|| heard.try_next()).count();
    let served = get_poetry(two.listening()[0].address).await?.len();
    one.drain().await;
    two.drain().await;
    println!(
        "{path}: {here} restarts in one, {there} in two, which heard {events} events and serves {served} bytes"
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "poems/science/source".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&path))
}
