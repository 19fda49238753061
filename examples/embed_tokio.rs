//! A node started and stopped inside a plain tokio program: on a thread of its own, and on the program's own thread.
//!
//! ```text
//! cargo run --example embed_tokio [POEM]
//! ```
//!
//! POEM is the title of an embedded poem, default `science`.

#![allow(clippy::print_stdout, reason = "printing is its job")]

use std::error::Error;

use tokio::task::LocalSet;
use verse::client::get_poetry;
use verse::config::Config;
use verse::node::{RunningNode, Setup};

async fn visit(node: &RunningNode) -> Result<usize, Box<dyn Error>> {
    Ok(get_poetry(node.listening()[0].address).await?.len())
}

/// From any task of any runtime.
async fn on_a_thread(setup: Setup) -> Result<usize, Box<dyn Error>> {
    let node = setup.start_on_thread().await?;
    let bytes = visit(&node).await?;
    let drained = node.drain().await;
    println!("on its own thread: {bytes} bytes; {} connections were cut by its drain", drained.cut);
    Ok(bytes)
}

/// From within a `LocalSet`: the node's processes are tasks beside the program's own.
async fn on_this_thread(setup: Setup) -> Result<usize, Box<dyn Error>> {
    let node = setup.start().await?;
    let bytes = visit(&node).await?;
    println!("on this thread: {bytes} bytes\n{}", node.tree());
    node.drain().await;
    Ok(bytes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let title = std::env::args().nth(1).unwrap_or_else(|| "science".to_owned());
    let config = format!("[[poem]]\nembedded = {title:?}\nlisten = \"127.0.0.1:0\"");
    let setup = Setup::load(Config::from_toml(&config, "embedded")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let apart = runtime.block_on(on_a_thread(setup.clone()))?;
    let beside = LocalSet::new().block_on(&runtime, on_this_thread(setup))?;
    println!("{apart} and {beside} bytes of {title}");
    Ok(())
}
