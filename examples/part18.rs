//! Part 18: deferreds en masse. Several Deferreds as one.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use bytes::Bytes;
use verse::deferred::unhandled::Collected as Reports;
use verse::deferred::{Collected, CollectedDict, Deferred, DeferredDict, DeferredList, Failure, fail};
use verse::reactor::Reactor;
use verse::reactor::programs::{
    GetOptions, ServeOptions, TransformOptions, apply_transform, fetch_poetry, serve_transforms,
};
use verse::transform::TransformService;

mod series;
use series::{Args, Outcome, Program, Servers, errand, nobody, poems};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "deferred-list-1", about: "an empty list: [LISTS]", run: list_1 },
        Program { name: "deferred-list-2", about: "of one: [VALUE]", run: list_2 },
        Program { name: "deferred-list-3", about: "of two: [VALUE]", run: list_3 },
        Program { name: "deferred-list-4", about: "fired in the other order: [VALUE]", run: list_4 },
        Program { name: "deferred-list-5", about: "one fails, nothing is consumed: [FAILURES]", run: list_5 },
        Program { name: "deferred-list-6", about: "one fails, errors consumed: [FAILURES]", run: list_6 },
        Program {
            name: "deferred-list-7",
            about: "one fails, handled by an errback of its own: [FAILURES]",
            run: list_7,
        },
        Program {
            name: "client-8",
            about: "done when the list has fired: [SERVERS, the third is down]",
            run: client_8,
        },
        Program {
            name: "fire-on-one-callback",
            about: "exercise: the first answer is enough: [WINNER, from 0]",
            run: one_callback,
        },
        Program {
            name: "fire-on-one-errback",
            about: "exercise: the first failure is too much: [LOSER, from 0]",
            run: one_errback,
        },
        Program { name: "list-of-lists", about: "exercise: a list of lists: [LISTS]", run: list_of_lists },
        Program {
            name: "print-at-the-end",
            about: "exercise: poems are printed when all are there: [SERVERS]",
            run: print_at_the_end,
        },
        Program {
            name: "deferred-dict",
            about: "exercise: results under names: [0 all, 1 first]",
            run: dict,
        },
    ])
}

fn show(results: &[Result<String, Failure>]) -> String {
    let each = results.iter().map(|result| match result {
        Ok(value) => format!("(true, {value})"),
        Err(failure) => format!("(false, {failure})"),
    });
    format!("[{}]", each.collect::<Vec<_>>().join(", "))
}

fn got_results(list: &Deferred<Collected<String>>) {
    println!("Adding callback.");
    list.add_callback(|collected| {
        println!("We got: {}", show(&collected.clone().into_results()));
        collected
    });
}

fn list_1(args: &Args) -> Outcome {
    let lists: Vec<_> = (0..args.number(0, 1)?).map(|_| DeferredList::<String>::new([]).watch()).collect();
    for list in &lists {
        println!("Empty list.");
        got_results(list);
    }
    println!(
        "{} empty lists, {} fired at once",
        lists.len(),
        lists.iter().filter(|list| list.called()).count()
    );
    Ok(())
}

fn list_2(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    let d1 = Deferred::new();
    got_results(&DeferredList::new([d1.clone()]).watch());
    println!("Firing d1.");
    Ok(d1.callback(format!("d1 result {value}"))?)
}

/// Two in a list, fired in this order.
fn two(value: u64, order: [usize; 2]) -> Outcome {
    let members = [Deferred::new(), Deferred::new()];
    got_results(&DeferredList::new(members.clone()).watch());
    for at in order {
        println!("Firing d{}.", at + 1);
        members[at].callback(format!("d{} result {value}", at + 1))?;
    }
    Ok(())
}

fn list_3(args: &Args) -> Outcome {
    two(args.number(0, 1)?, [0, 1])
}

fn list_4(args: &Args) -> Outcome {
    two(args.number(0, 1)?, [1, 0])
}

/// One that succeeds and so many that fail; what is reported when all handles are gone.
fn failing(
    failures: u64,
    watch: impl FnOnce(Vec<Deferred<String>>) -> Deferred<Collected<String>>,
) -> Outcome {
    let reports = Reports::begin();
    let members: Vec<_> = (0..=failures).map(|_| Deferred::new()).collect();
    let list = watch(members.clone());
    got_results(&list);
    members[0].callback("d1 result".to_owned())?;
    for (number, member) in members.iter().enumerate().skip(1) {
        println!("Firing d{} with an error.", number + 1);
        member.errback(Failure::new(format!("d{} failure", number + 1)))?;
    }
    drop((list, members));
    println!("{} failures, {} of them reported as unhandled", failures, reports.take().len());
    Ok(())
}

fn list_5(args: &Args) -> Outcome {
    failing(args.number(0, 1)?, |members| DeferredList::new(members).watch())
}

fn list_6(args: &Args) -> Outcome {
    failing(args.number(0, 1)?, |members| DeferredList::new(members).consume_errors().watch())
}

fn list_7(args: &Args) -> Outcome {
    failing(args.number(0, 1)?, |members| {
        let list = DeferredList::new(members.clone()).watch();
        for member in members {
            member.add_errback(|failure| format!("handled: {failure}"));
        }
        list
    })
}

/// Who is told of what goes wrong, when it does.
type Tell = fn(&str);

/// Gets a poem and has it transformed; a poem that cannot be transformed is left as it is.
fn get_transformed_poem(
    reactor: &Reactor,
    server: SocketAddr,
    service: SocketAddr,
    tell: Tell,
) -> Deferred<Bytes> {
    let asking = reactor.clone();
    let poem = fetch_poetry(reactor, server, &GetOptions::default());
    let poem = poem.add_errback(move |failure| {
        tell(&format!("The poem download failed: {failure}"));
        Err::<Bytes, _>(failure)
    });
    poem.then(move |poem| {
        let transformed = apply_transform(&asking, service, "cummingsify", &poem, &GetOptions::default());
        transformed.add_errback(move |_| {
            tell("Cummingsify failed!");
            poem
        })
    })
}

/// Client 8.0 on three servers (or as many as are wanted), of which the third is down, and what it makes of its Deferreds.
fn client(args: &Args, tell: Tell, then: fn(Vec<Deferred<Bytes>>) -> Deferred<String>) -> Outcome {
    let running = Servers::start(poems(args.number(0, 3)?), ServeOptions::default())?;
    let mut servers = running.addresses.clone();
    if let Some(third) = servers.get_mut(2) {
        *third = nobody()?;
    }
    errand::run(move |reactor| {
        // Takes the short ones only.
        let options = TransformOptions { limit: 1000, ..TransformOptions::default() };
        let service = serve_transforms(reactor, TransformService::default(), &options, |_| ());
        let Ok(service) = service.map(|port| port.host()) else {
            return fail(Failure::new("no port for the transform service"));
        };
        then(servers.iter().map(|server| get_transformed_poem(reactor, *server, service, tell)).collect())
    })
}

fn print(poem: &Bytes) {
    println!("{}", String::from_utf8_lossy(poem));
}

/// No counting of poems and errors any more: the list knows when all is done.
fn client_8(args: &Args) -> Outcome {
    client(
        args,
        |line| println!("{line}"),
        |poems| {
            let printed = poems.into_iter().map(|poem| poem.map(|poem| print(&poem)));
            DeferredList::new(printed).consume_errors().watch().map(|collected| {
                let results = collected.into_results();
                format!("all {} done, {} with a poem", results.len(), results.iter().flatten().count())
            })
        },
    )
}

/// Three mirrors of one poem: who answers first serves us, the others need not.
fn one_callback(args: &Args) -> Outcome {
    let winner = usize::try_from(args.number(0, 1)?)?;
    let mirrors: Vec<_> = (0..3).map(|_| Deferred::new()).collect();
    let list = DeferredList::new(mirrors.clone()).fire_on_one_callback().consume_errors().watch();
    let told = list.map(|collected| match collected {
        Collected::First { index, value } => println!("mirror {index} was first, with {value}"),
        Collected::All(results) => println!("nobody answered: {}", show(&results)),
    });
    match mirrors.get(winner) {
        Some(mirror) => mirror.callback("a poem".to_owned())?,
        None => told.cancel(),
    }
    Ok(())
}

/// An anthology with a poem missing is none: the first failure is the end of it.
fn one_errback(args: &Args) -> Outcome {
    let loser = usize::try_from(args.number(0, 1)?)?;
    let pages: Vec<_> = (0..3).map(|_| Deferred::<String>::new()).collect();
    let list = DeferredList::new(pages.clone()).fire_on_one_errback().consume_errors().watch();
    let _told = list.then_both(|result| {
        match result {
            Ok(collected) => println!("an anthology: {}", show(&collected.into_results())),
            Err(failure) => println!("no anthology: {failure}"),
        }
        Ok(())
    });
    for (number, page) in pages.iter().enumerate() {
        page.fire(if number == loser {
            Err(Failure::new("torn out"))
        } else {
            Ok(format!("page {number}"))
        })?;
    }
    Ok(())
}

fn list_of_lists(args: &Args) -> Outcome {
    let lists = args.number(0, 2)?;
    let members: Vec<Vec<_>> = (0..lists).map(|_| vec![Deferred::new(), Deferred::new()]).collect();
    let inner: Vec<_> = members.iter().map(|two| DeferredList::new(two.clone()).watch()).collect();
    let _told = DeferredList::new(inner).watch().map(|outer| {
        let inner = outer.into_results().into_iter().flatten().map(|list| show(&list.into_results()));
        println!("We got: [{}]", inner.collect::<Vec<_>>().join(", "));
    });
    for (number, member) in members.iter().flatten().enumerate() {
        member.callback(format!("{number}"))?;
    }
    Ok(())
}

/// Nothing is printed by those who get the poems, of failures neither; the list has them all, in the order asked.
fn print_at_the_end(args: &Args) -> Outcome {
    client(
        args,
        |_| (),
        |poems| {
            let (asked, over) = (poems.len(), Rc::new(Cell::new(0)));
            let counted = poems.into_iter().map(|poem| {
                let over = Rc::clone(&over);
                poem.add_both(move |result| {
                    over.set(over.get() + 1);
                    result
                })
            });
            let list = DeferredList::new(counted.collect::<Vec<_>>()).consume_errors().watch();
            list.map(move |collected| {
                let before = over.get();
                for result in collected.into_results() {
                    match result {
                        Ok(poem) => print(&poem),
                        Err(failure) => println!("no poem: {failure}"),
                    }
                }
                format!("{before} of {asked} downloads were over before anything was printed")
            })
        },
    )
}

/// What a DeferredDict is: made of Deferreds under names, it fires when all of them have, with the result of each, a
/// value or a failure, under its name; in the order of the names, whatever the order of firing. With
/// `fire_on_one_callback` it fires with the first value and its name.
fn dict(args: &Args) -> Outcome {
    let names: [Rc<str>; 3] = ["ecstasy", "fascination", "science"].map(Rc::from);
    let members: BTreeMap<_, _> = names.iter().map(|name| (Rc::clone(name), Deferred::new())).collect();
    let mut watched = DeferredDict::new(members.clone()).consume_errors();
    if args.number(0, 0)? == 1 {
        watched = watched.fire_on_one_callback();
    }
    let _told = watched.watch().map(|collected| match collected {
        CollectedDict::First { key, value } => println!("first {key}: {value}"),
        CollectedDict::All(all) => {
            let all = all.iter().map(|(name, result)| match result {
                Ok(value) => format!("{name}: {value}"),
                Err(failure) => format!("{name}: no poem, {failure}"),
            });
            println!("{}", all.collect::<Vec<_>>().join("; "));
        }
    });
    members["science"].callback("657 bytes".to_owned())?;
    members["ecstasy"].errback(Failure::new("refused"))?;
    Ok(members["fascination"].callback("608 bytes".to_owned())?)
}
