//! Part 17: just another way to spell "callback". Iterators, and what inlineCallbacks became: `async` blocks.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use verse::deferred::{
    AlreadyCalled, Clock, Deferred, DeferredQueue, Failure, TestClock, coroutine, defer_later,
};
use verse::reactor::programs::{
    GetOptions, ServeOptions, TransformOptions, apply_transform, fetch_poetry, serve_transforms,
};
use verse::reactor::{PollerKind, Reactor};
use verse::transform::TransformService;

mod series;
use series::{Args, Outcome, Program, Servers, nobody, poems, print_stack};

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
        Program {
            name: "client-7",
            about: "on the reactor: get, transform, print: [SERVERS, the third is down]",
            run: client_7,
        },
        Program {
            name: "got-poem-inside",
            about: "exercise: got_poem moves into the block: [SERVERS]",
            run: got_poem_inside,
        },
        Program {
            name: "poem-done-inside",
            about: "exercise: and poem_done too: [SERVERS]",
            run: poem_done_inside,
        },
        Program {
            name: "interleavings",
            about: "exercise: in how many ways the blocks of client 7 can take turns: [BLOCKS, up to 3]",
            run: interleavings,
        },
        Program {
            name: "endless",
            about: "exercise: a block with no end, until it is cancelled: [SECONDS]",
            run: endless,
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

/// Longer poems than that the transform service of client 7 does not take: the first one, of 2738 bytes, it does not.
const MOST: usize = 1000;

/// Client 7.0: where it gets poems, and who transforms them.
#[derive(Clone)]
struct Client {
    reactor: Reactor,
    servers: Vec<SocketAddr>,
    service: SocketAddr,
    counted: Counted,
}

/// Counts what comes, and stops the reactor when all of it is done.
#[derive(Clone)]
struct Counted {
    reactor: Reactor,
    asked: u64,
    poems: Rc<Cell<u64>>,
    done: Rc<Cell<u64>>,
}

impl Counted {
    fn got_poem(&self, poem: &Bytes) {
        println!("{}", String::from_utf8_lossy(poem));
        self.poems.set(self.poems.get() + 1);
    }

    fn poem_done(&self) {
        self.done.set(self.done.get() + 1);
        if self.done.get() == self.asked {
            // A signal may have been first.
            let _ = self.reactor.stop();
        }
    }
}

impl Client {
    /// What client 7.0 has in place of four callbacks: one that fails is an `Err` in the next line, which `match` looks
    /// into and `?` passes on.
    async fn get_transformed_poem(&self, server: SocketAddr) -> Result<Bytes, Failure> {
        let options = GetOptions::default();
        let poem = match fetch_poetry(&self.reactor, server, &options).await {
            Ok(poem) => poem,
            Err(failure) => {
                println!("The poem download failed: {failure}");
                return Err(failure);
            }
        };
        match apply_transform(&self.reactor, self.service, "cummingsify", &poem, &options).await {
            Ok(transformed) => Ok(transformed),
            Err(_) => {
                println!("Cummingsify failed!");
                Ok(poem)
            }
        }
    }
}

/// Runs client 7.0 on three servers (or as many as are wanted), of which the third is down, with `begin` for each.
fn run_client(args: &Args, begin: fn(Client, SocketAddr)) -> Outcome {
    let asked = args.number(0, 3)?;
    let running = Servers::start(poems(asked), ServeOptions::default())?;
    let mut servers = running.addresses.clone();
    if let Some(third) = servers.get_mut(2) {
        *third = nobody()?;
    }
    let reactor = Reactor::new(PollerKind::default())?;
    // The service is in our own loop: one thread is enough for both.
    let service = TransformOptions { limit: MOST, ..TransformOptions::default() };
    let service = serve_transforms(&reactor, TransformService::default(), &service, |_| ())?.host();
    let counted = Counted { reactor: reactor.clone(), asked, poems: Rc::default(), done: Rc::default() };
    let client = Client { reactor: reactor.clone(), servers, service, counted: counted.clone() };
    reactor.call_when_running(move || {
        for server in client.servers.clone() {
            begin(client.clone(), server);
        }
    });
    if asked > 0 {
        reactor.run()?;
    }
    println!("{} poems, {} of {asked} done", counted.poems.get(), counted.done.get());
    Ok(())
}

/// The block gets the poem; what becomes of it is in callbacks behind it.
fn client_7(args: &Args) -> Outcome {
    run_client(args, |client, server| {
        let (got, done) = (client.counted.clone(), client.counted.clone());
        coroutine(async move { client.get_transformed_poem(server).await })
            .map(move |poem| got.got_poem(&poem))
            .add_errback(|_| ())
            .add_both(move |_| done.poem_done());
    })
}

fn got_poem_inside(args: &Args) -> Outcome {
    run_client(args, |client, server| {
        let done = client.counted.clone();
        coroutine(async move {
            client.counted.got_poem(&client.get_transformed_poem(server).await?);
            Ok(())
        })
        .add_errback(|_| ())
        .add_both(move |_| done.poem_done());
    })
}

/// Whatever leaves the block, by `?`, by a panic, or because it is dropped: the guard counts it as done.
struct Done(Counted);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.poem_done();
    }
}

fn poem_done_inside(args: &Args) -> Outcome {
    run_client(args, |client, server| {
        coroutine(async move {
            let done = Done(client.counted.clone());
            done.0.got_poem(&client.get_transformed_poem(server).await?);
            Ok(())
        })
        .add_errback(|_| ());
    })
}

/// Every order in which `counts[n]` things of block `n` can happen.
fn orders(counts: &mut [u32], before: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if counts.iter().all(|left| *left == 0) {
        return found.push(before.clone());
    }
    for block in 0..counts.len() {
        if counts[block] > 0 {
            counts[block] -= 1;
            before.push(block);
            orders(counts, before, found);
            before.pop();
            counts[block] += 1;
        }
    }
}

/// What blocks with two awaits do when what they wait for fires in that order.
fn trace(blocks: usize, order: &[usize]) -> Result<Vec<usize>, AlreadyCalled> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let inputs: Vec<[Deferred<()>; 2]> = (0..blocks).map(|_| Default::default()).collect();
    let mut ends = Vec::new();
    for (block, [poem, transform]) in inputs.iter().cloned().enumerate() {
        let said = Rc::clone(&said);
        ends.push(coroutine(async move {
            said.borrow_mut().push(block);
            poem.await?;
            said.borrow_mut().push(block);
            transform.await?;
            said.borrow_mut().push(block);
            Ok(())
        }));
    }
    let mut next: Vec<_> = inputs.iter().map(|both| both.iter()).collect();
    for block in order {
        if let Some(waited_for) = next[*block].next() {
            waited_for.callback(())?;
        }
    }
    Ok(said.take())
}

/// A block with two awaits is three callbacks. Any order of all of them can be thought of; but a block runs to its first
/// await when it is called, so that only the other two are left to be mixed. Those orders are tried, each of them.
fn interleavings(args: &Args) -> Outcome {
    let blocks = usize::try_from(args.number(0, 3)?)?.min(3);
    let all = |each: u32| {
        let mut found = Vec::new();
        orders(&mut vec![each; blocks], &mut Vec::new(), &mut found);
        found
    };
    let traces: BTreeSet<_> = all(2).iter().map(|order| trace(blocks, order)).collect::<Result<_, _>>()?;
    println!("{blocks} blocks: {} ways to be thought of, {} that happened", all(3).len(), traces.len());
    Ok(())
}

/// A loop around an await has no last callback: it is a task that goes on for as long as somebody wants it to. Its
/// Deferred never fires; what ends it is a cancel, or the last handle going.
fn endless(args: &Args) -> Outcome {
    let seconds = args.number(0, 5)?;
    let (clock, ticks) = (TestClock::new(), Rc::new(Cell::new(0)));
    let (inside, count) = (clock.clone(), Rc::clone(&ticks));
    let task = coroutine::<()>(async move {
        loop {
            defer_later(&inside, Duration::from_secs(1), || ()).await?;
            count.set(count.get() + 1);
            println!("tick {}", count.get());
        }
    });
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
    }
    let ended_by_itself = !task.is_waiting();
    task.cancel();
    let ended = task.take_result().and_then(Result::err);
    let ended = ended.map_or_else(|| "nothing".to_owned(), |failure| failure.to_string());
    println!("{} ticks, ended by itself: {ended_by_itself}, then by: {ended}", ticks.get());
    Ok(())
}
