//! A node whose transform service knows the embedder's own functions.
//!
//! ```text
//! cargo run --example embed_transforms [TEXT]
//! ```

#![allow(clippy::print_stdout, reason = "printing is its job")]

use std::error::Error;

use verse::client::Client;
use verse::config::Config;
use verse::node::Setup;
use verse::transform::TransformService;

async fn run(text: String) -> Result<(), Box<dyn Error>> {
    let mut transforms = TransformService::default();
    transforms.register("count-words", "how many words it has", |poem, _| {
        Ok(format!("{} words", poem.split_whitespace().count()))
    })?;
    transforms.register("refuse", "no poem is good enough", |_, _| Err("not this one".into()))?;

    let config = Config::from_toml("[transform]\nlisten = \"127.0.0.1:0\"", "embedded")?;
    let node = Setup::load(config)?.transforms(transforms).start_on_thread().await?;
    let service = node.listening()[0].address.into();
    let client = Client::default();

    // A function that fails, or panics, costs the one who asked its answer, and nobody else anything.
    let refused = client.apply(&service, "refuse", text.clone().into()).await;
    println!("refused: {}", refused.is_err());
    let shouted = client.apply(&service, "shout", text.clone().into()).await?;
    let counted = client.apply(&service, "count-words", text.into()).await?;
    node.drain().await;
    println!("{}: {}", String::from_utf8_lossy(&shouted), String::from_utf8_lossy(&counted));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "science, true daughter".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(text))
}
