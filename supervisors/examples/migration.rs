//! Migrating an actor that is there: `mod thermometer` is a plain actix actor as it stands in many programs, and not a
//! character of it changes. Before: started by `start()`, one crash ends it, and whoever has its address talks to nobody
//! from then on. After: started from a `ChildSpec`, the same crash is answered by a restart, and its `Ref` follows.
//!
//!     cargo run --package supervisors --example migration

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{ExitReason, Node};
use thermometer::{Read, Thermometer};

/// The actor, as it was.
mod thermometer {
    use std::time::Duration;

    use actix::prelude::*;

    /// Measures once in a while, and says what it measured last.
    pub(crate) struct Thermometer {
        degrees: i32,
    }

    impl Thermometer {
        pub(crate) fn new(degrees: i32) -> Self {
            Self { degrees }
        }
    }

    impl Actor for Thermometer {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Self::Context) {
            ctx.run_interval(Duration::from_secs(1), |this, _| this.degrees += 1);
        }
    }

    #[derive(Message)]
    #[rtype(result = "f64")]
    pub(crate) struct Read {
        pub(crate) unit: &'static str,
    }

    impl Handler<Read> for Thermometer {
        type Result = ResponseActFuture<Self, f64>;

        fn handle(&mut self, Read { unit }: Read, _: &mut Self::Context) -> Self::Result {
            let degrees = f64::from(self.degrees);
            Box::pin(async move { degrees }.into_actor(self).map(move |degrees, _, _| match unit {
                "C" => degrees,
                "F" => degrees * 1.8 + 32.0,
                unit => panic!("what is a degree {unit}?"),
            }))
        }
    }
}

const UNITS: [&str; 4] = ["C", "F", "X", "C"];

async fn before() -> usize {
    let thermometer = Thermometer::new(20).start();

    let mut answers = 0;
    for unit in UNITS {
        match thermometer.send(Read { unit }).await {
            Ok(degrees) => {
                println!("          {degrees} {unit}");
                answers += 1;
            }
            // A closed mailbox: why, and whether it will ever open again, is not said.
            Err(error) => println!("          {unit}: {error}"),
        }
    }
    answers
}

async fn after() -> Result<usize, ExitReason> {
    let node = Node::builder().on_event(|at, event| println!("{at:>9.1?} {event}")).build();
    // How it is made, instead of one that was made: each start needs one.
    let spec = ChildSpec::new("thermometer", || Thermometer::new(20));
    let thermometer = spec.reference();
    let root = Supervisor::new("root").child(spec).start(&node).await?;

    let mut answers = 0;
    for unit in UNITS {
        // `call` for `send`, `cast` for `do_send`.
        match thermometer.call(Read { unit }).await {
            Ok(degrees) => {
                println!("          {degrees} {unit}");
                answers += 1;
            }
            Err(error) => println!("          {unit}: {error}"),
        }
    }
    root.stop().await;
    Ok(answers)
}

#[actix::main]
async fn main() -> Result<(), ExitReason> {
    println!("before:");
    let before = before().await;
    println!("after:");
    let after = after().await?;
    println!("of {} questions, 1 of which crashes it: before {before} answers, after {after}", UNITS.len());
    Ok(())
}
