//! Poems in somebody else's program: with time limits, and given up by dropping the future.
//!
//! ```text
//! cargo run --example embed_client [SECONDS]
//! ```
//!
//! The slow server would take minutes; SECONDS (default 0.2) is what it is given.

#![allow(clippy::print_stdout, reason = "printing is its job")]

use std::error::Error;
use std::time::Duration;

use verse::actors::{DownloadOptions, ExchangeOptions};
use verse::client::{Client, get_poetry};
use verse::config::Config;
use verse::node::Setup;

/// Two servers to ask: a fast one, and one that sends 10 bytes each second.
const SERVERS: &str = r#"
[[poem]]
embedded = "science"
listen = "127.0.0.1:0"

[[poem]]
title = "slow"
embedded = "science"
listen = "127.0.0.1:0"
num_bytes = 10
delay = "1s"
"#;

async fn run(patience: Duration) -> Result<(), Box<dyn Error>> {
    let node = Setup::load(Config::from_toml(SERVERS, "servers")?)?.start_on_thread().await?;
    let [fast, slow] = [0, 1].map(|number| node.listening()[number].address);

    // One poem, with the defaults.
    let poem = get_poetry(fast).await?;
    println!("{} bytes of poetry", poem.len());

    // With a limit for all of it, and one for silence.
    let exchange = ExchangeOptions {
        timeout: Some(patience),
        idle_timeout: Duration::from_secs(5),
        ..ExchangeOptions::default()
    };
    let client = Client::default().options(DownloadOptions { exchange, ..DownloadOptions::default() });
    let late = client.get_poetry(&slow.into()).await;
    match &late {
        Ok(poem) => println!("{} bytes in time", poem.len()),
        Err(error) => println!("{error}: {}", error.cause),
    }

    // Whoever drops the future gives up, and its connection is closed.
    let dropped = tokio::time::timeout(patience, get_poetry(slow)).await;
    println!("given up: {}", dropped.is_err());

    node.kill().await;
    println!(
        "{} bytes, then {} of 2 in time",
        poem.len(),
        u32::from(late.is_ok()) + u32::from(dropped.is_ok())
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(0.2), |seconds| seconds.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(Duration::try_from_secs_f64(seconds)?))
}
