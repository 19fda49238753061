//! Part 17: just another way to spell "callback". Iterators, and what inlineCallbacks became: `async` blocks.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::deferred::{Clock, Deferred, DeferredQueue, Failure, TestClock, coroutine, defer_later};

mod series;
use series::{Args, Outcome, Program, print_stack};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "gen-1", about: "a lazy sequence in a for loop: [VALUES]", run: gen_1 },
        Program { name: "gen-2", about: "the same, asked for each value: [VALUES]", run: gen_2 },
        Program { name: "gen-3", about: "several at once, by turns: [SEQUENCES]", run: gen_3 },
        Program { name: "gen-4", about: "values and an error are sent into it: [VALUE]", run: gen_4 },
        Program {
            name: "inline-callbacks-1",
            about: "it waits for Deferreds, values come right back: [SECONDS]",
            run: inline_1,
        },
        Program {
            name: "inline-callbacks-2",
            about: "it returns a value or fails: [0 returns, 1 fails]",
            run: inline_2,
        },
        Program {
            name: "inline-callbacks-tb",
            about: "who calls it when it goes on: [DEPTH]",
            run: inline_tb,
        },
        Program { name: "client-7", about: "get, transform, print: [POEMS]", run: client_7 },
        Program {
            name: "got-poem-inside",
            about: "exercise: got_poem moves into the block: [POEMS]",
            run: got_poem_inside,
        },
        Program {
            name: "poem-done-inside",
            about: "exercise: and poem_done too: [POEMS]",
            run: poem_done_inside,
        },
    ])
}

/// Says what it does, a step at a time, and gives 1, 2, 3 ...
fn my_generator(values: u64) -> impl Iterator<Item = u64> {
    let mut next = 0;
    std::iter::from_fn(move || {
        println!("{}", if next == 0 { "starting up" } else { "workin'" });
        next += 1;
        (next <= values).then_some(next)
    })
}

fn gen_1(args: &Args) -> Outcome {
    let mut last = 0;
    for n in my_generator(args.number(0, 3)?) {
        println!("{n}");
        last = n;
    }
    println!("done after {last}");
    Ok(())
}

fn gen_2(args: &Args) -> Outcome {
    let mut sequence = my_generator(args.number(0, 3)?);
    let mut asked = 0;
    loop {
        asked += 1;
        match sequence.next() {
            Some(n) => println!("{n}"),
            None => break,
        }
    }
    println!("asked {asked} times, the last time in vain");
    Ok(())
}

fn gen_3(args: &Args) -> Outcome {
    let count = args.number(0, 2)?;
    let mut sequences: Vec<_> = (1..=count).map(my_generator).collect();
    let mut order = Vec::new();
    while !sequences.is_empty() {
        sequences.retain_mut(|sequence| sequence.next().inspect(|n| order.push(n.to_string())).is_some());
    }
    println!("by turns: {}", order.join(" "));
    Ok(())
}

/// `send` is firing what it waits for with a value, `throw` is firing it with a failure.
fn gen_4(args: &Args) -> Outcome {
    let value = args.number(0, 10)?;
    let (inbox, said) =
        (DeferredQueue::<Result<u64, Failure>>::new(8, 1), Rc::new(RefCell::new(String::new())));
    let (read, note) = (inbox.clone(), Rc::clone(&said));
    let ended = coroutine(async move {
        println!("starting up");
        for _ in 0..2 {
            let got = read.get()?.await??;
            println!("got: {got}");
        }
        if let Err(error) = read.get()?.await? {
            *note.borrow_mut() = error.to_string();
        }
        Ok(())
    });
    inbox.put(Ok(value))?;
    inbox.put(Ok(value * 2))?;
    inbox.put(Err(Failure::new(format!("malfunction {value}!"))))?;
    println!("done: {}, it caught: {}", ended.called() && !ended.is_waiting(), said.take());
    Ok(())
}

/// Moves a clock until nothing is due any more.
fn run(clock: &TestClock) {
    while let Some(next) = clock.next_due() {
        clock.advance(next);
    }
}

fn inline_1(args: &Args) -> Outcome {
    let pause = Duration::from_secs(args.number(0, 5)?);
    let clock = TestClock::new();
    let inside = clock.clone();
    let ended = coroutine(async move {
        println!("first callback");
        let result = verse::deferred::succeed(1).await?;
        println!("second callback got {result}");
        let result = defer_later(&inside, pause, || 2).await?;
        println!("third callback got {result}, after {} s", inside.seconds().as_secs());
        let failed = defer_later::<u64, _>(&inside, pause, || Err(Failure::new("3"))).await;
        println!(
            "fourth callback got the error {}",
            failed.err().map_or_else(String::new, |error| error.to_string())
        );
        Ok(())
    });
    run(&clock);
    println!("done: {}, at {} s", !ended.is_waiting(), clock.seconds().as_secs());
    Ok(())
}

fn inline_2(args: &Args) -> Outcome {
    let fails = args.number(0, 0)? == 1;
    let clock = TestClock::new();
    let inside = clock.clone();
    let ended = coroutine(async move {
        let result = defer_later(&inside, Duration::from_secs(1), || 1).await?;
        if fails {
            return Err(Failure::new("my deferred failed"));
        }
        Ok(result)
    });
    ended.add_callbacks(
        |value| {
            println!("my callbacks returned {value}");
            value
        },
        |failure| {
            println!("errback got: {failure}");
            0
        },
    );
    run(&clock);
    Ok(())
}

/// Blocks within blocks: at the bottom of the stack is always whoever fired.
fn inline_tb(args: &Args) -> Outcome {
    let depth = args.number(0, 1)?;
    let source = Deferred::<u64>::new();
    let mut waits = source.clone();
    for level in 1..=depth {
        waits = coroutine(async move {
            let got = waits.await?;
            println!("level {level} goes on, called by:");
            print_stack();
            Ok(got + 1)
        });
    }
    source.callback(0)?;
    let got = waits.take_result().and_then(Result::ok);
    println!("went through {} blocks", got.unwrap_or_default());
    Ok(())
}

const POEM: &str = "Once Upon A Midnight Dreary";

/// A poem after a second for each poem before it; the third of them never comes.
fn get_poetry(clock: &TestClock, number: u64) -> Deferred<String> {
    defer_later(clock, Duration::from_secs(number), move || {
        if number == 3 { Err(Failure::new("connection refused")) } else { Ok(POEM.to_owned()) }
    })
}

/// The transform service: half a second; it cannot do the second poem.
fn cummingsify(clock: &TestClock, number: u64, poem: String) -> Deferred<String> {
    defer_later(clock, Duration::from_millis(500), move || {
        if number == 2 { Err(Failure::new("no answer")) } else { Ok(poem.to_lowercase()) }
    })
}

/// What client 7.0 has in place of four callbacks.
async fn get_transformed_poem(clock: TestClock, number: u64) -> Result<String, Failure> {
    let poem = match get_poetry(&clock, number).await {
        Ok(poem) => poem,
        Err(failure) => {
            println!("The poem download failed: {failure}");
            return Err(failure);
        }
    };
    Ok(cummingsify(&clock, number, poem.clone()).await.unwrap_or_else(|_| {
        println!("Cummingsify failed!");
        poem
    }))
}

/// Counts what comes; says so when all is there.
#[derive(Clone, Default)]
struct Counted {
    poems: Rc<Cell<u64>>,
    done: Rc<Cell<u64>>,
}

impl Counted {
    fn got_poem(&self, poem: &str) {
        println!("{poem}");
        self.poems.set(self.poems.get() + 1);
    }

    fn poem_done(&self) {
        self.done.set(self.done.get() + 1);
    }

    fn last_line(&self, asked: u64) {
        println!("{} poems, {} of {asked} done", self.poems.get(), self.done.get());
    }
}

fn client_7(args: &Args) -> Outcome {
    let (poems, clock, counted) = (args.number(0, 3)?, TestClock::new(), Counted::default());
    for number in 1..=poems {
        let (got, done) = (counted.clone(), counted.clone());
        coroutine(get_transformed_poem(clock.clone(), number))
            .map(move |poem| got.got_poem(&poem))
            .add_errback(|_| ())
            .add_both(move |_| done.poem_done());
    }
    run(&clock);
    counted.last_line(poems);
    Ok(())
}

fn got_poem_inside(args: &Args) -> Outcome {
    let (poems, clock, counted) = (args.number(0, 3)?, TestClock::new(), Counted::default());
    for number in 1..=poems {
        let (got, done, clock) = (counted.clone(), counted.clone(), clock.clone());
        coroutine(async move {
            got.got_poem(&get_transformed_poem(clock, number).await?);
            Ok(())
        })
        .add_errback(|_| ())
        .add_both(move |_| done.poem_done());
    }
    run(&clock);
    counted.last_line(poems);
    Ok(())
}

/// Whatever leaves the block, by `?`, by a panic, or because it is dropped: the guard counts it as done.
struct Done(Counted);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.poem_done();
    }
}

fn poem_done_inside(args: &Args) -> Outcome {
    let (poems, clock, counted) = (args.number(0, 3)?, TestClock::new(), Counted::default());
    for number in 1..=poems {
        let (got, clock) = (counted.clone(), clock.clone());
        coroutine(async move {
            let done = Done(got);
            done.0.got_poem(&get_transformed_poem(clock, number).await?);
            Ok(())
        })
        .add_errback(|_| ());
    }
    run(&clock);
    counted.last_line(poems);
    Ok(())
}
