//! A process known only by a message it takes.

use std::fmt;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};

use crate::{Call, CallError, CastWait, Ref};

/// Whoever takes `M`, held by name like a [`Ref`], without naming the actor's type: so siblings need not know each other.
///
/// Like a `Ref` it survives restarts, is `Send` and `Sync`, cheap to clone, and keeps nobody alive.
///
/// ```
/// use actix::{Actor, Context, Handler, Message};
/// use supervisors::{Node, Port};
///
/// #[derive(Message)]
/// #[rtype(result = "usize")]
/// struct Log(String);
///
/// #[derive(Default)]
/// struct Logger(Vec<String>);
/// impl Actor for Logger {
///     type Context = Context<Self>;
/// }
/// impl Handler<Log> for Logger {
///     type Result = usize;
///     fn handle(&mut self, Log(line): Log, _: &mut Self::Context) -> usize {
///         self.0.push(line);
///         self.0.len()
///     }
/// }
///
/// # actix::run(async {
/// let logger = Node::new().spawn(Logger::default());
/// // Whoever gets this knows nothing of a `Logger`.
/// let port: Port<Log> = (&logger).into();
/// port.cast(Log("one".to_owned()));
/// assert_eq!(port.call(Log("two".to_owned())).await, Ok(2));
/// # }).expect("it runs");
/// ```
pub struct Port<M: Message + Send + 'static>(Arc<dyn Target<M>>)
where
    M::Result: Send;

trait Target<M: Message>: Send + Sync {
    fn cast(&self, message: M);
    fn try_cast(&self, message: M) -> Result<(), CallError>;
    fn cast_wait(&self, message: M) -> CastWait;
    fn call(&self, message: M) -> Call<M::Result>;
}

impl<A, M> Target<M> for Ref<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn cast(&self, message: M) {
        Self::cast(self, message);
    }

    fn try_cast(&self, message: M) -> Result<(), CallError> {
        Self::try_cast(self, message)
    }

    fn cast_wait(&self, message: M) -> CastWait {
        Self::cast_wait(self, message)
    }

    fn call(&self, message: M) -> Call<M::Result> {
        Self::call(self, message)
    }
}

impl<M: Message + Send + 'static> Port<M>
where
    M::Result: Send,
{
    /// See [`Ref::cast`].
    pub fn cast(&self, message: M) {
        self.0.cast(message);
    }

    /// See [`Ref::try_cast`].
    ///
    /// # Errors
    /// As [`Ref::try_cast`].
    pub fn try_cast(&self, message: M) -> Result<(), CallError> {
        self.0.try_cast(message)
    }

    /// See [`Ref::cast_wait`].
    pub fn cast_wait(&self, message: M) -> CastWait {
        self.0.cast_wait(message)
    }

    /// See [`Ref::call`].
    pub fn call(&self, message: M) -> Call<M::Result> {
        self.0.call(message)
    }
}

impl<A, M> From<Ref<A>> for Port<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn from(target: Ref<A>) -> Self {
        Self(Arc::new(target))
    }
}

impl<A, M> From<&Ref<A>> for Port<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn from(target: &Ref<A>) -> Self {
        Self(Arc::new(target.clone()))
    }
}

impl<M: Message + Send + 'static> Clone for Port<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message + Send + 'static> fmt::Debug for Port<M>
where
    M::Result: Send,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Port").field(&std::any::type_name::<M>()).finish()
    }
}
