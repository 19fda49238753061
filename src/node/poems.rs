//! The branch of one poem: source, connections, listener.

use std::sync::Arc;

use super::branch::Branch;
use super::sockets::Sockets;
use super::{Plot, ServiceId};
use crate::actors::{PoemService, Source};
use crate::poem::Poem;

pub(super) fn branch(plot: &Plot<'_>, number: usize, poem: &Poem, sockets: &Sockets) -> Branch {
    let config = &plot.config.poems[number];
    let title = config.title.as_str();
    let source = Source::child_spec(poem.clone());
    let service = PoemService {
        source: source.reference().into(),
        pace: config.pace,
        framing: config.framing,
        options: plot.connection_options(),
    };
    let supervisor = plot.supervisor(title).child(source);
    let bound = sockets.of(ServiceId::Poem(number));
    let names = ["connections", "listener"];
    let (supervisor, door) = plot.door(supervisor, title, bound, Arc::new(service), names);
    Branch { supervisor, doors: vec![door] }
}
