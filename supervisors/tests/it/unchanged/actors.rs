//! Three actors of somebody who has never heard of `supervisors`: they import actix and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::prelude::*;

/// Beats ten times a second, and wakes up once after a quarter of one.
pub struct Metronome {
    /// The beats of this life.
    pub beats: u32,
    /// The beats of all lives.
    pub all: Arc<AtomicU32>,
    pub awake: bool,
}

impl Metronome {
    pub fn new(all: &Arc<AtomicU32>) -> Self {
        Self { beats: 0, all: Arc::clone(all), awake: false }
    }
}

impl Actor for Metronome {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(Duration::from_millis(100), |this, _| {
            this.beats += 1;
            this.all.fetch_add(1, Ordering::SeqCst);
        });
        ctx.run_later(Duration::from_millis(250), |this, _| this.awake = true);
    }
}

#[derive(Message)]
#[rtype(result = "(u32, bool)")]
pub struct Beats;

impl Handler<Beats> for Metronome {
    type Result = MessageResult<Beats>;

    fn handle(&mut self, Beats: Beats, _: &mut Self::Context) -> Self::Result {
        MessageResult((self.beats, self.awake))
    }
}

/// Thinks before it answers, in a future of its own that comes back to it.
#[derive(Default)]
pub struct Oracle {
    pub answers: u32,
}

impl Actor for Oracle {
    type Context = Context<Self>;
}

/// To be thought about so long. The pledge is held until the thinking ends, however it ends.
#[derive(Message)]
#[rtype(result = "u32")]
pub struct Question {
    pub thinking: Duration,
    pub pledge: Arc<()>,
}

impl Handler<Question> for Oracle {
    type Result = ResponseActFuture<Self, u32>;

    fn handle(&mut self, question: Question, _: &mut Self::Context) -> Self::Result {
        let thinking = async move {
            actix::clock::sleep(question.thinking).await;
            drop(question.pledge);
        };
        Box::pin(thinking.into_actor(self).map(|(), this, _| {
            this.answers += 1;
            this.answers
        }))
    }
}

/// Reads a stream of numbers and keeps their sum; at its end it ends.
pub struct Reader<S> {
    pub stream: Option<S>,
    pub sum: u32,
}

impl<S: Stream<Item = u32> + Unpin + 'static> Actor for Reader<S> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(stream) = self.stream.take() {
            ctx.add_stream(stream);
        }
    }
}

impl<S: Stream<Item = u32> + Unpin + 'static> StreamHandler<u32> for Reader<S> {
    fn handle(&mut self, number: u32, _: &mut Self::Context) {
        assert_ne!(number, 13, "thirteen");
        self.sum += number;
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
pub struct Sum;

impl<S: Stream<Item = u32> + Unpin + 'static> Handler<Sum> for Reader<S> {
    type Result = u32;

    fn handle(&mut self, Sum: Sum, _: &mut Self::Context) -> u32 {
        self.sum
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Crash;

impl Handler<Crash> for Metronome {
    type Result = ();

    fn handle(&mut self, Crash: Crash, _: &mut Self::Context) {
        panic!("as asked");
    }
}
