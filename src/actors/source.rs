//! The source of a poem.

use actix::{Actor, Context, Handler, MessageResult};
use supervisors::supervisor::ChildSpec;

use crate::message::GetPoem;
use crate::poem::Poem;

/// Holds the text of one poem for the connections of its branch.
///
/// Owns the poem. Started by its branch, first. Ends only with its branch. Never talks to a client.
#[derive(Debug)]
pub struct Source {
    poem: Poem,
}

impl Source {
    /// A source of `poem`.
    #[must_use]
    pub fn child_spec(poem: Poem) -> ChildSpec<Self> {
        ChildSpec::new("source", move || Self { poem: poem.clone() })
    }
}

impl Actor for Source {
    type Context = Context<Self>;
}

impl Handler<GetPoem> for Source {
    type Result = MessageResult<GetPoem>;

    fn handle(&mut self, _: GetPoem, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.poem.clone())
    }
}
