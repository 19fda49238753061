//! A program as source, in Rust and in Python, to be read and to be pasted.

use super::program::{Body, Canceller, Op, Program, Ret, Side};

/// Writes a program in one language.
struct Writer {
    rust: bool,
    lines: Vec<String>,
    depth: usize,
}

/// The program in Rust.
pub(crate) fn rust(program: &Program) -> String {
    Writer { rust: true, lines: Vec::new(), depth: 0 }.program(program)
}

/// The program in Python.
pub(crate) fn python(program: &Program) -> String {
    Writer { rust: false, lines: Vec::new(), depth: 0 }.program(program)
}

impl Writer {
    fn program(mut self, program: &Program) -> String {
        for op in &program.ops {
            self.op(op);
        }
        self.lines.join("\n")
    }

    fn line(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("{}{}", "    ".repeat(self.depth), text.as_ref()));
    }

    /// One line, by language.
    fn either(&mut self, rust: impl AsRef<str>, python: impl AsRef<str>) {
        if self.rust {
            self.line(rust);
        } else {
            self.line(python);
        }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::New { slot, canceller } => self.new_one(*slot, *canceller),
            Op::Succeed { slot, value } => {
                self.either(
                    format!("let d{slot} = succeed({value});"),
                    format!("d{slot} = defer.succeed({value})"),
                );
            }
            Op::Fail { slot, error } => {
                self.either(
                    format!("let d{slot} = fail(E({error}));"),
                    format!("d{slot} = defer.fail(E({error}))"),
                );
            }
            Op::Add { slot, side, body, other } => self.add(*slot, *side, body, other.as_ref()),
            Op::Fire { slot, value } => {
                self.either(format!("d{slot}.callback({value});"), format!("d{slot}.callback({value})"));
            }
            Op::FireError { slot, error } => {
                self.either(format!("d{slot}.errback(E({error}));"), format!("d{slot}.errback(E({error}))"));
            }
            Op::Cancel { slot } => self.either(format!("d{slot}.cancel();"), format!("d{slot}.cancel()")),
            Op::Pause { slot } => self.either(format!("d{slot}.pause();"), format!("d{slot}.pause()")),
            Op::Unpause { slot } => self.either(format!("d{slot}.unpause();"), format!("d{slot}.unpause()")),
            Op::Chain { slot, to } => {
                self.either(
                    format!("d{slot}.chain_deferred(&d{to});"),
                    format!("d{slot}.chainDeferred(d{to})"),
                );
            }
            Op::Drop { slot } => self.either(format!("drop(d{slot});"), format!("del d{slot}")),
            Op::Advance { seconds } => {
                self.either(
                    format!("clock.advance({seconds} * SECOND);"),
                    format!("clock.advance({seconds})"),
                );
            }
            Op::Timeout { slot, seconds, value } => self.timeout(*slot, *seconds, *value),
            Op::Release { lock } => {
                self.either(format!("lock{lock}.release();"), format!("lock{lock}.release()"));
            }
            Op::Put { value } => self.either(format!("queue.put({value});"), format!("queue.put({value})")),
            _ => self.several(op),
        }
    }

    fn several(&mut self, op: &Op) {
        let names =
            |slots: &[usize]| slots.iter().map(|slot| format!("d{slot}")).collect::<Vec<_>>().join(", ");
        let clones = |slots: &[usize]| {
            slots.iter().map(|slot| format!("d{slot}.clone()")).collect::<Vec<_>>().join(", ")
        };
        match op {
            Op::List { slot, members, one_callback, one_errback, consume } => {
                let mut rust = format!("let d{slot} = DeferredList::new([{}])", clones(members));
                let mut python = format!("d{slot} = defer.DeferredList([{}]", names(members));
                for (on, ours, theirs) in [
                    (one_callback, ".fire_on_one_callback()", ", fireOnOneCallback=True"),
                    (one_errback, ".fire_on_one_errback()", ", fireOnOneErrback=True"),
                    (consume, ".consume_errors()", ", consumeErrors=True"),
                ] {
                    if *on {
                        rust.push_str(ours);
                        python.push_str(theirs);
                    }
                }
                self.either(rust + ".watch();", python + ")");
            }
            Op::Gather { slot, members, consume } => self.either(
                format!("let d{slot} = gather_results([{}], {consume});", clones(members)),
                format!(
                    "d{slot} = defer.gatherResults([{}], consumeErrors={})",
                    names(members),
                    truth(*consume)
                ),
            ),
            Op::Race { slot, members } => self.either(
                format!("let d{slot} = race([{}]);", clones(members)),
                format!("d{slot} = defer.race([{}])", names(members)),
            ),
            Op::Acquire { slot, lock } => {
                self.either(
                    format!("let d{slot} = lock{lock}.acquire();"),
                    format!("d{slot} = lock{lock}.acquire()"),
                );
            }
            Op::Get { slot } => {
                self.either(format!("let d{slot} = queue.get()?;"), format!("d{slot} = queue.get()"));
            }
            Op::Run { slot, lock, body } => {
                self.function(body);
                let id = body.id;
                self.either(
                    format!("let d{slot} = lock{lock}.run(f{id});"),
                    format!("d{slot} = lock{lock}.run(f{id}, None)"),
                );
            }
            Op::Coroutine { slot, awaits } => {
                self.either(format!("let d{slot} = coroutine(async {{"), "@defer.inlineCallbacks");
                self.either("    // one after the other", format!("def c{slot}():"));
                for one in awaits {
                    let waits = one.slot;
                    match one.catch {
                        true => self.either(
                            format!("    let _ = d{waits}.clone().await;"),
                            format!("    try: yield d{waits}\n    except Exception: pass"),
                        ),
                        false => self
                            .either(format!("    d{waits}.clone().await?;"), format!("    yield d{waits}")),
                    }
                }
                self.either("    Ok(())\n});", format!("    return\n    yield\nd{slot} = c{slot}()"));
            }
            _ => {}
        }
    }

    fn new_one(&mut self, slot: usize, canceller: Canceller) {
        let (ours, theirs) = match canceller {
            Canceller::None => {
                return self.either(
                    format!("let d{slot} = Deferred::new();"),
                    format!("d{slot} = defer.Deferred()"),
                );
            }
            Canceller::Quiet => ("()".to_owned(), "None".to_owned()),
            Canceller::Value(value) => {
                (format!("d.callback({value}).unwrap()"), format!("d.callback({value})"))
            }
            Canceller::Error(error) => {
                (format!("d.errback(E({error})).unwrap()"), format!("d.errback(E({error}))"))
            }
            Canceller::Raise(error) => (format!("panic!(\"E{error}\")"), format!("throw(E({error}))")),
        };
        self.either(
            format!("let d{slot} = Deferred::with_canceller(|d| {ours});"),
            format!("d{slot} = defer.Deferred(lambda d: {theirs})"),
        );
    }

    fn timeout(&mut self, slot: usize, seconds: u32, value: Option<i64>) {
        match value {
            None => self.either(
                format!("d{slot}.add_timeout({seconds} * SECOND, &clock);"),
                format!("d{slot}.addTimeout({seconds}, clock)"),
            ),
            Some(value) => self.either(
                format!("d{slot}.add_timeout_with({seconds} * SECOND, &clock, |_, _| {value});"),
                format!("d{slot}.addTimeout({seconds}, clock, lambda r, n: {value})"),
            ),
        }
    }

    fn add(&mut self, slot: usize, side: Side, body: &Body, other: Option<&Body>) {
        self.function(body);
        if let Some(other) = other {
            self.function(other);
        }
        let id = body.id;
        let two = other.map_or_else(String::new, |other| format!(", f{}", other.id));
        let (ours, theirs) = match side {
            Side::Callback => ("add_callback", "addCallback"),
            Side::Errback => ("add_errback", "addErrback"),
            Side::Both => ("add_both", "addBoth"),
            Side::Pair => ("add_callbacks", "addCallbacks"),
        };
        self.either(format!("d{slot}.{ours}(f{id}{two});"), format!("d{slot}.{theirs}(f{id}{two})"));
    }

    fn function(&mut self, body: &Body) {
        let id = body.id;
        self.either(format!("let f{id} = move |given| {{"), format!("def f{id}(given):"));
        self.depth += 1;
        self.either(format!("println!(\"{id} {{given:?}}\");"), format!("print({id}, given)"));
        for action in &body.actions {
            self.op(action);
        }
        match body.ret {
            Ret::Pass => self.either("given", "return given"),
            Ret::Nothing => self.either("None", "return None"),
            Ret::Value(value) => self.either(format!("{value}"), format!("return {value}")),
            Ret::Raise(error) => self.either(format!("Err(E({error}))?"), format!("raise E({error})")),
            Ret::Panic(error) => self.either(format!("panic!(\"E{error}\")"), format!("raise E({error})")),
            Ret::Failure(error) => {
                self.either(format!("Err(E({error}).into())"), format!("return Failure(E({error}))"));
            }
            Ret::Wait(slot) => self.either(format!("d{slot}.clone()"), format!("return d{slot}")),
        }
        self.depth -= 1;
        if self.rust {
            self.line("};");
        }
    }
}

fn truth(on: bool) -> &'static str {
    if on { "True" } else { "False" }
}
