//! The client's requests as Deferreds (Parts 8 and 13, and the cancellable one of Part 19).

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use super::client::{Download, ask, get_poetry};
use crate::deferred::Deferred;
use crate::reactor::{Reactor, Target};
use crate::terms::GetError;
use crate::terms::{Framing, GetOptions};
use crate::wire::netstring;
use crate::wire::request::Request;

/// The poem of `server`, later: fires with it, or fails with a [`GetError`]. Cancelling it closes the connection.
pub fn fetch_poetry(reactor: &Reactor, server: impl Into<Target>, options: &GetOptions) -> Deferred<Bytes> {
    deferred(|done| get_poetry(reactor, server, options, |_| (), done))
}

/// `poem`, transformed by the service at `server`: fires with that, or fails with a [`GetError`]. The service says of
/// no failure what it was: it closes. `options.framing` has no meaning here: this protocol is netstrings.
pub fn apply_transform(
    reactor: &Reactor,
    server: impl Into<Target>,
    name: &str,
    poem: &Bytes,
    options: &GetOptions,
) -> Deferred<Bytes> {
    let request = Request { name: name.to_owned(), poem: poem.clone() };
    forward(reactor, server.into(), &request.to_frame(), options)
}

/// A request already put together.
pub(super) fn forward(
    reactor: &Reactor,
    server: Target,
    frame: &Bytes,
    options: &GetOptions,
) -> Deferred<Bytes> {
    let options = GetOptions { framing: Framing::Netstring, ..options.clone() };
    deferred(|done| ask(reactor, server, &options, netstring::encode(frame), done))
}

type Done = Box<dyn FnOnce(Result<Bytes, GetError>)>;

fn deferred(begin: impl FnOnce(Done) -> Download) -> Deferred<Bytes> {
    let slot = Rc::new(RefCell::new(None::<Download>));
    let to_cancel = Rc::clone(&slot);
    let deferred = Deferred::with_canceller(move |_| {
        let download = to_cancel.borrow().clone();
        if let Some(download) = download {
            download.cancel();
        }
    });
    let fire = deferred.clone();
    let download = begin(Box::new(move |outcome| {
        // Refused only if it was fired by somebody else, who then wanted another result.
        let _ = match outcome {
            Ok(poem) => fire.callback(poem),
            // The canceller leaves it to the Deferred to fail with `Cancelled`.
            Err(GetError::Cancelled { .. }) => Ok(()),
            Err(error) => fire.errback(error),
        };
    }));
    *slot.borrow_mut() = Some(download);
    deferred
}
