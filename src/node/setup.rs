//! A node in somebody else's program.
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! use verse::client;
//! use verse::config::Config;
//! use verse::node::Setup;
//!
//! let config = Config::from_toml("[[poem]]\nembedded = \"science\"\nlisten = \"127.0.0.1:0\"", "here")?;
//! let node = Setup::load(config)?.start_on_thread().await?;
//! let poem = client::get_poetry(node.listening()[0].address).await?;
//! assert!(poem.starts_with(b"Sonnet - To Science"));
//! node.drain().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::{RunningNode, StartNodeError, World, start};
use crate::config::Config;
use crate::ops::Phase;
use crate::poem::{Poem, PoemError};
use crate::transform::TransformService;

/// A node to be: its configuration, its poems, and the world it is to live in.
///
/// Nodes know nothing of each other: a program may have as many as it likes, each with a history, names, limits and
/// transforms of its own.
#[derive(Clone, Debug)]
pub struct Setup {
    config: Config,
    poems: Vec<Poem>,
    world: World,
}

impl Setup {
    /// A node of this configuration, with its poems read from where it says, and the [default world](World::default).
    /// Reads files, and so may block.
    ///
    /// # Errors
    /// The first poem that cannot be had.
    pub fn load(config: Config) -> Result<Self, PoemError> {
        let poems = config.load_poems()?;
        Ok(Self::new(config, poems))
    }

    /// The same with poems that are there: those of `config.poems`, in the same order.
    #[must_use]
    pub fn new(config: Config, poems: Vec<Poem>) -> Self {
        Self { config, poems, world: World::default() }
    }

    /// Another world: another network, or a reporter to which somebody listens already.
    #[must_use]
    pub fn world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// The transforms that its transform service knows. Default: all of this crate.
    #[must_use]
    pub fn transforms(mut self, transforms: TransformService) -> Self {
        self.world.transforms = transforms;
        self
    }

    /// Starts it on this thread: see [`start`].
    ///
    /// # Errors
    /// As [`start`].
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self) -> Result<RunningNode, StartNodeError> {
        start(&self.config, &self.poems, self.world).await
    }

    /// Starts it on a thread of its own, from any async code: a node lives on one thread, and a program with a runtime
    /// of many threads has none to give it.
    ///
    /// # Errors
    /// As [`start`], and [`StartNodeError::Thread`].
    ///
    /// # Cancel safety
    /// Dropping the future kills the node, if it has been started.
    pub async fn start_on_thread(self) -> Result<ThreadNode, StartNodeError> {
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let name = self.world.reporter.node().name().to_string();
        let thread = thread::Builder::new().name(name);
        thread.spawn(move || live(self, tell, stopped)).map_err(StartNodeError::Thread)?;
        let gone = || StartNodeError::Thread(std::io::Error::other("it panicked"));
        let node = told.await.map_err(|_| gone())??;
        Ok(ThreadNode { node, _stop: stop })
    }
}

/// A node on a thread of its own, to be used from any other as a [`RunningNode`].
///
/// Dropped, it is killed: every connection is reset, nothing listens; [`drain`](RunningNode::drain) it first to let
/// those finish who are being served. A drain that its admin port is asked for begins by itself. When its tree has ended,
/// for whatever reason, so has its thread.
#[must_use = "dropped, it kills the node"]
pub struct ThreadNode {
    node: Arc<RunningNode>,
    /// Dropped with this, it tells the thread.
    _stop: oneshot::Sender<()>,
}

impl Deref for ThreadNode {
    type Target = RunningNode;

    fn deref(&self) -> &RunningNode {
        &self.node
    }
}

impl fmt::Debug for ThreadNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadNode").field(&self.listening()).finish()
    }
}

type Tell = oneshot::Sender<Result<Arc<RunningNode>, StartNodeError>>;

/// All that the thread does.
fn live(setup: Setup, tell: Tell, mut stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        // Whoever asked may have left: then nobody wants to know.
        Err(error) => return drop(tell.send(Err(StartNodeError::Thread(error)))),
    };
    LocalSet::new().block_on(&runtime, async {
        let node = match setup.start().await {
            Ok(node) => Arc::new(node),
            Err(error) => return drop(tell.send(Err(error))),
        };
        if tell.send(Ok(Arc::clone(&node))).is_err() {
            return node.kill().await;
        }
        let drain = async {
            node.drain_asked().await;
            // Else somebody drains it already.
            if node.phase() == Phase::DrainAsked {
                node.drain().await;
            }
        };
        tokio::select! {
            biased;
            _ = node.exited() => return,
            // Dropped: nobody says it.
            _ = &mut stopped => return node.kill().await,
            () = drain => {}
        }
        tokio::select! {
            biased;
            _ = node.exited() => {}
            _ = stopped => node.kill().await,
        }
    });
}

#[cfg(test)]
mod tests;
