//! Why something that was asked of the admin port is not done.

/// What is wrong with a request, in a line that says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The `Host` header, or the target, names no address of this machine's own: another name that was made to point
    /// here (DNS rebinding) would.
    #[error("the host must be a loopback address or localhost")]
    ForeignHost,
    /// A page of another origin has sent it.
    #[error("the origin is foreign")]
    ForeignOrigin,
    /// What changes state needs the token, and it is not there, or another one.
    #[error(
        "this needs the token: Authorization: Bearer TOKEN, from the file that the node made at its start"
    )]
    NoToken,
    /// No such route.
    #[error("there is no {path}; there are {routes}")]
    NoRoute {
        /// What was asked for.
        path: String,
        /// What there is.
        routes: &'static str,
    },
    /// The route is there, and takes another method.
    #[error("{path} takes {allowed}")]
    WrongMethod {
        /// The route.
        path: String,
        /// What it takes.
        allowed: &'static str,
    },
    /// The body cannot be read as what it should be.
    #[error("the body is not what it should be: {0}")]
    Body(String),
    /// The body is longer than any order.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Nobody is at that place of the tree, and none of its processes has that pid.
    #[error("no process {wanted}{}", meant(near))]
    NoProcess {
        /// What was asked for.
        wanted: String,
        /// What is like it.
        near: Vec<String>,
    },
    /// Several processes are at that place.
    #[error("{path} are {}; name one by its pid", pids.join(", "))]
    Several {
        /// The place.
        path: String,
        /// Some of them.
        pids: Vec<String>,
    },
    /// The place is there, and nobody at it.
    #[error("{path} is not running")]
    NotRunning {
        /// The place.
        path: String,
    },
    /// The root has no supervisor that would start it again.
    #[error("{0} is the root, which nobody starts again; a drain ends the node")]
    Root(String),
    /// No such proxy.
    #[error("no proxy {wanted}{}", meant(near))]
    NoProxy {
        /// What was asked for.
        wanted: String,
        /// What there is.
        near: Vec<String>,
    },
    /// No cache that was asked holds such a poem.
    #[error("no cache holds {wanted}{}", meant(near))]
    NoPoem {
        /// What was asked for.
        wanted: String,
        /// What is like it.
        near: Vec<String>,
    },
    /// Somebody who was needed for it did not answer.
    #[error("{who} does not answer: {why}")]
    NoAnswer {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
}

impl Refusal {
    /// The status it is told with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Body(_) => 400,
            Self::NoToken => 401,
            Self::ForeignHost | Self::ForeignOrigin => 403,
            Self::NoRoute { .. } | Self::NoProcess { .. } | Self::NoProxy { .. } | Self::NoPoem { .. } => 404,
            Self::WrongMethod { .. } => 405,
            Self::Several { .. } | Self::NotRunning { .. } | Self::Root(_) => 409,
            Self::TooLarge { .. } => 413,
            Self::NoAnswer { .. } => 503,
        }
    }
}

fn meant(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [only] => format!("; did you mean {only}?"),
        [most @ .., last] => format!("; did you mean {} or {last}?", most.join(", ")),
    }
}
