//! Guides: from what you know to what is here. Pages only, without code of their own.
//!
//! | if you | read |
//! |---|---|
//! | have actix actors, perhaps under `actix::Supervisor` | [`from_actix`] |
//! | think in Erlang or Elixir | [`from_erlang`] |
//! | know ractor or kameo | [`from_peers`] |
//! | want to know what becomes of a message | [`fate`] |
//! | rely on something that only the BEAM can do | [`beam`] |
//! | have a handler that blocks, or fear one | [a turn that does not end](crate#a-turn-that-does-not-end) |
//! | test actors or trees | the module `test`, behind the feature `test-kit` |
//!
//! The table of [OTP's words](crate#the-words) is on the crate's page; whole programs are in `examples/`.

pub mod from_actix {
    #![doc = include_str!("guide/from_actix.md")]

    #[cfg(doc)]
    use crate::{supervisor::*, *};
}

pub mod from_erlang {
    #![doc = include_str!("guide/from_erlang.md")]

    #[cfg(doc)]
    use crate::{supervisor::*, *};
}

pub mod from_peers {
    #![doc = include_str!("guide/from_peers.md")]

    #[cfg(doc)]
    use crate::{supervisor::*, *};
}

pub mod beam {
    #![doc = include_str!("guide/beam.md")]

    #[cfg(doc)]
    use crate::{supervisor::*, *};
}

#[doc = include_str!("guide/fate.md")]
pub mod fate {}
