//! Escalation: what a restart does not mend, the next one up tries with a larger part of the tree, and at last the root
//! gives up and the program knows. A printer crashes at every order. Its supervisor restarts it twice and gives up; the
//! root starts that whole branch again, the sibling of the printer included, once; then it gives up, too.
//!
//!     cargo run --package supervisors --example escalation

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Report, Supervisor};
use supervisors::{CallError, Event, ExitReason, History, Node};

/// Has a bug that no restart mends.
struct Printer;

impl Actor for Printer {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Print(u32);

impl Handler<Print> for Printer {
    type Result = ();

    fn handle(&mut self, Print(page): Print, _: &mut Self::Context) {
        panic!("no paper for page {page}");
    }
}

/// Does nothing wrong, but stands beside the printer.
struct Scanner;

impl Actor for Scanner {
    type Context = Context<Self>;
}

/// What has happened, counted from the history of the node.
#[derive(Debug, Default, PartialEq)]
struct Story {
    crashes: u32,
    restarts_of_printer: u32,
    restarts_of_office: u32,
    gave_up: Vec<String>,
}

impl Story {
    fn tell(&mut self, event: &Event) {
        match event {
            Event::Exited { reason: ExitReason::Panicked { .. }, .. } => self.crashes += 1,
            Event::Report { report: Report::Restarting { child, .. }, .. } => match child.id.as_str() {
                "printer" => self.restarts_of_printer += 1,
                _ => self.restarts_of_office += 1,
            },
            Event::Report { supervisor, report: Report::ReachedMaxIntensity { .. } } => {
                let who = if supervisor.is_empty() { "the root" } else { supervisor };
                self.gave_up.push(who.to_owned());
            }
            _ => {}
        }
    }
}

#[actix::main]
async fn main() -> Result<(), ExitReason> {
    let history = History::new();
    // Far more than will happen; what does not fit would be lost, and counted.
    let mut events = history.subscribe(1000);
    let recorder = Arc::clone(&history);
    let node = Node::builder().on_event(move |at, event| recorder.record(at, event)).build();

    let printer = ChildSpec::new("printer", || Printer);
    let orders = printer.reference();
    let office = Supervisor::new("office")
        .intensity(2, Duration::from_secs(5))
        .child(ChildSpec::new("scanner", || Scanner))
        .child(printer);
    let root = Supervisor::new("root").intensity(1, Duration::from_secs(5)).child(office);
    let root = root.start(&node).await?;
    // The end of the root is the program's to see: above it there is nobody.
    let Some(process) = root.process() else { return Err(ExitReason::NoProc) };

    let mut page = 0;
    while process.is_alive() {
        match orders.call(Print(page)).await {
            Err(CallError::Exit(_)) => page += 1,
            // Between two lives.
            _ => tokio::task::yield_now().await,
        }
    }
    let reason = process.exited().await;

    let mut story = Story::default();
    while let Some(stamped) = events.try_next() {
        println!("{:>9.1?} {}", stamped.at, stamped.event);
        story.tell(&stamped.event);
    }
    let Story { crashes, restarts_of_printer, restarts_of_office, gave_up } = story;
    println!(
        "{crashes} crashes, {restarts_of_printer} restarts of the printer, {restarts_of_office} of the office; gave up: {}; \
         the root ended: {reason}",
        gave_up.join(", ")
    );
    Ok(())
}
