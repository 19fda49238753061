//! `verse ctl` at work.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{CtlOptions, Order};
use crate::cli::{Code, Exit, chain, output, runtime};
use crate::ops::admin::client::{AdminClient, AdminError, Answer};
use crate::ops::admin::token;
use crate::ops::admin::view::{Caches, DrainView, Killed, Live, Purged, Ready, Refreshes, Tree};

/// How often is asked whether a node that drains has ended.
const LOOK: Duration = Duration::from_millis(100);

/// How much longer than a drain may take is waited for its end: whoever runs the node has things of its own to end.
const GRACE: Duration = Duration::from_secs(10);

/// Why something was not got.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("{0}; --token-file names another")]
    Token(#[source] token::TokenError),
    #[error("the answer is another than expected: {0}")]
    Answer(serde_json::Error),
    #[error("it has not ended within {} s", .0.as_secs())]
    Lives(Duration),
}

/// Asks the admin port for what is wanted, and prints the answer.
///
/// Exit codes: 0 it was got or done; 1 it was not: nobody is there, no token, no such process; 3 it could not start.
#[must_use]
pub fn ctl(options: &CtlOptions) -> Exit {
    match runtime::run("ctl", answer(options)) {
        Ok(Ok(text)) => Exit::well(text),
        Ok(Err(error)) => Exit::error(Code::NotGot, "ctl", &chain(&error)),
        Err(exit) => exit,
    }
}

/// What is to be printed.
async fn answer(options: &CtlOptions) -> Result<String, Failed> {
    let client = AdminClient::new(options.admin.clone());
    match &options.order {
        Order::Status => status(options, &client).await,
        Order::Tree => {
            let answer = client.get("/tree").await?;
            said(options, answer, |tree: Tree| output::tree(&tree))
        }
        Order::Cache => {
            let answer = client.get("/cache").await?;
            said(options, answer, |caches: Caches| output::caches(&caches))
        }
        Order::Kill(order) => {
            let answer = authorized(options, client)?.post("/kill", &value(order)).await?;
            said(options, answer, |killed: Killed| output::killed(&killed))
        }
        Order::Purge(order) => {
            let answer = authorized(options, client)?.post("/cache/purge", &value(order)).await?;
            said(options, answer, |purged: Purged| output::purged(&purged))
        }
        Order::Refresh(order) => {
            let answer = authorized(options, client)?.post("/cache/refresh", &value(order)).await?;
            said(options, answer, |refreshes: Refreshes| output::refreshes(&refreshes))
        }
        Order::Drain => drain(options, authorized(options, client)?).await,
    }
}

/// A client that may change something.
fn authorized(options: &CtlOptions, client: AdminClient) -> Result<AdminClient, Failed> {
    let file = options.token_file.clone().unwrap_or_else(|| token::default_path(options.admin.port));
    token::read(&file).map(|token| client.token(token)).map_err(Failed::Token)
}

async fn status(options: &CtlOptions, client: &AdminClient) -> Result<String, Failed> {
    let [live, ready, tree] =
        [client.get("/live").await?, client.get("/ready").await?, client.get("/tree").await?];
    if options.json {
        let all = json!({ "live": live.body, "ready": ready.body, "tree": tree.body });
        return Ok(format!("{all}\n"));
    }
    let (live, ready, tree): (Live, Ready, Tree) = (read(live)?, read(ready)?, read(tree)?);
    Ok(output::status(&options.admin, &live, &ready, &tree))
}

/// Asks for a drain, says so at once, and waits until nobody is there any more.
async fn drain(options: &CtlOptions, client: AdminClient) -> Result<String, Failed> {
    let answer = client.post("/drain", &Value::Null).await?;
    let drain: DrainView = read(answer.clone())?;
    print(&said(options, answer, |drain: DrainView| output::draining(&drain))?);
    let patience = Duration::try_from_secs_f64(drain.drain_seconds).unwrap_or(Duration::MAX);
    let patience = patience.saturating_add(GRACE);
    let gone = async {
        while !matches!(client.get("/ready").await, Err(AdminError::Unconnected { .. })) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, gone).await.map_err(|_| Failed::Lives(patience))?;
    Ok(if options.json { String::new() } else { format!("The node at {} has ended.\n", options.admin) })
}

/// An answer as it is to be printed: as it came, or in words.
fn said<T: DeserializeOwned>(
    options: &CtlOptions,
    answer: Answer,
    words: impl FnOnce(T) -> String,
) -> Result<String, Failed> {
    if options.json { Ok(format!("{}\n", answer.body)) } else { read(answer).map(words) }
}

fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Failed> {
    serde_json::from_value(answer.body).map_err(Failed::Answer)
}

fn value(order: &impl Serialize) -> Value {
    serde_json::to_value(order).expect("an order is texts")
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed our stdout does not want to know.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
