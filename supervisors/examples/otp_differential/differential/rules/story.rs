//! What happened in a case, read from its trace.

use std::collections::BTreeMap;

use supervisors::supervisor::{Restart, Strategy};

use super::super::case::{Call, Case, Form, Kid, Reason, Step, Stop, Sup, What};

/// A case and its trace, step by step.
pub(crate) struct Story<'a> {
    pub(crate) case: &'a Case,
    /// The start, the steps, the end.
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) adapted: &'a [u32],
}

pub(crate) struct Part<'a> {
    pub(crate) when: When<'a>,
    /// The clock, in milliseconds.
    pub(crate) now: u64,
    pub(crate) lines: Vec<Line<'a>>,
    /// The children of each supervisor before and after, youngest first.
    pub(crate) before: Tables<'a>,
    pub(crate) after: Tables<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When<'a> {
    Start,
    Step(&'a Step),
    End,
}

pub(crate) type Tables<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

pub(crate) enum Line<'a> {
    Start {
        id: &'a str,
        what: &'a str,
    },
    Asked {
        reason: &'a str,
    },
    Died {
        id: &'a str,
        pid: &'a str,
        reason: &'a str,
    },
    Report(Told<'a>),
    Answer(&'a str),
    /// The end of the start, or of the root.
    Other(&'a str),
}

/// A report.
pub(crate) struct Told<'a> {
    pub(crate) sup: &'a str,
    pub(crate) context: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) id: &'a str,
    pub(crate) who: &'a str,
    pub(crate) policy: &'a str,
}

impl<'a> Story<'a> {
    pub(crate) fn read(case: &'a Case, trace: &'a [String], adapted: &'a [u32]) -> Self {
        let mut parts: Vec<Part<'_>> = vec![Part::new(When::Start, 0, Tables::new())];
        let mut steps = case.script.iter();
        for line in trace {
            if let Some(head) = line.strip_prefix("> ") {
                let last = parts.last().expect("a story begins with its start");
                let when = if head == "end" { When::End } else { steps.next().map_or(When::End, When::Step) };
                let passed = match when {
                    When::Step(Step::Advance(millis)) => *millis,
                    _ => 0,
                };
                parts.push(Part::new(when, last.now + passed, last.after.clone()));
                continue;
            }
            parts.last_mut().expect("a story begins with its start").add(line);
        }
        Self { case, parts, adapted }
    }

    /// How often something is so in the parts.
    pub(crate) fn count(&self, so: impl Fn(&Part<'a>) -> bool) -> usize {
        self.parts.iter().filter(|part| so(part)).count()
    }

    /// How often something is so of requests and their answers.
    pub(crate) fn calls(&self, so: impl Fn(&Part<'a>, &'a Call, &'a str) -> bool) -> usize {
        let per_part =
            |part: &Part<'a>| part.calls().into_iter().filter(|(call, it)| so(part, call, it)).count();
        self.parts.iter().map(per_part).sum()
    }

    /// How often something is so of lines.
    pub(crate) fn lines(&self, so: impl Fn(&Part<'a>, &Line<'a>) -> bool) -> usize {
        self.parts.iter().map(|part| part.lines.iter().filter(|line| so(part, line)).count()).sum()
    }

    /// How often something is so of reports.
    pub(crate) fn told(&self, so: impl Fn(&Part<'a>, &Told<'a>) -> bool) -> usize {
        self.lines(|part, line| matches!(line, Line::Report(told) if so(part, told)))
    }

    pub(crate) fn sup(&self, id: &str) -> Option<&'a Sup> {
        self.case.supervisors().into_iter().find(|sup| sup.id == id)
    }

    pub(crate) fn strategy(&self, id: &str) -> Option<Strategy> {
        match self.sup(id)?.form {
            Form::Static(strategy) => Some(strategy),
            Form::Template => None,
        }
    }

    pub(crate) fn is_template(&self, id: &str) -> bool {
        self.sup(id).is_some_and(|sup| sup.form == Form::Template)
    }

    /// The spec of a child, if there is no doubt which one it is.
    pub(crate) fn kid(&self, sup: &str, id: &str) -> Option<&'a Kid> {
        let of = self.sup(sup)?;
        if of.form == Form::Template {
            return of.children.first();
        }
        let added = self.case.script.iter().flat_map(Step::calls).filter_map(|call| match call {
            Call::Start(under, kid) if under == sup => Some(&**kid),
            _ => None,
        });
        let mut specs = of.children.iter().chain(added).filter(|kid| kid.id() == id);
        let first = specs.next();
        first.filter(|_| specs.next().is_none())
    }

    /// The end of a worker in a part, which it came to by itself or by a kill from outside.
    pub(crate) fn end(&self, part: &Part<'a>) -> Option<End<'a>> {
        let (id, reason) = match part.when {
            When::Step(Step::Exit(id, reason)) => (id.as_str(), *reason),
            When::Step(Step::Kill(id)) if self.sup(id).is_none() => (id.as_str(), Reason::Killed),
            _ => return None,
        };
        let pid = part.lines.iter().find_map(|line| match line {
            Line::Died { id: died, pid, .. } if *died == id => Some(*pid),
            _ => None,
        })?;
        let (sup, _) = part.before.iter().find(|(_, children)| children.iter().any(|(_, it)| *it == pid))?;
        let clean = matches!(reason, Reason::Normal | Reason::Shutdown | Reason::ShutdownX);
        let kid = self.kid(sup, id)?;
        let restarts = kid.restart == Restart::Permanent || kid.restart == Restart::Transient && !clean;
        Some(End { sup: self.sup(sup)?, id, pid, clean, kid, restarts })
    }

    /// How often something is so of the ends of workers.
    pub(crate) fn ends(&self, so: impl Fn(&Part<'a>, &End<'a>) -> bool) -> usize {
        self.count(|part| self.end(part).is_some_and(|end| so(part, &end)))
    }

    /// The spec of the worker that died in this line.
    pub(crate) fn died_kid(&self, part: &Part<'a>, pid: &str, id: &str) -> Option<&'a Kid> {
        let tables = part.before.iter().chain(&part.after);
        let mut holders = tables.filter(|(_, children)| children.iter().any(|(_, it)| *it == pid));
        match holders.next() {
            Some((sup, _)) => self.kid(sup, id),
            None => None,
        }
    }

    /// Whether the part stops children that had done nothing: by request, with their supervisor, with their siblings.
    pub(crate) fn stops(&self, part: &Part<'a>, so: impl Fn(&'a Kid, &'a str) -> bool) -> usize {
        let own = match part.when {
            When::Step(Step::Exit(id, _) | Step::Kill(id) | Step::Retry(_, id, _)) => vec![id.as_str()],
            When::Step(Step::Burst(_, exits, _)) => exits.iter().map(|(id, _)| id.as_str()).collect(),
            _ => Vec::new(),
        };
        let killed = matches!(part.when, When::Step(Step::Kill(id)) if self.sup(id).is_some());
        let died = part.lines.iter().filter(|line| match line {
            Line::Died { id, pid, reason } if !own.contains(id) && !killed => self
                .died_kid(part, pid, id)
                .is_some_and(|kid| matches!(kid.what, What::Worker(_)) && so(kid, reason)),
            _ => false,
        });
        died.count()
    }

    /// How often that is so in all parts.
    pub(crate) fn all_stops(&self, so: impl Fn(&'a Kid, &'a str) -> bool + Copy) -> usize {
        self.parts.iter().map(|part| self.stops(part, so)).sum()
    }

    /// When a supervisor tried restarts: the clock, and whether each was allowed.
    pub(crate) fn attempts(&self, sup: &str) -> Vec<(u64, bool)> {
        let mut attempts = Vec::new();
        for part in &self.parts {
            for line in &part.lines {
                let Line::Report(told) = line else { continue };
                if told.sup != sup {
                    continue;
                }
                match told.context {
                    "child_terminated" if told.policy.starts_with("temporary") => {}
                    "child_terminated" => attempts.push((part.now, true)),
                    "start_error" if part.when != When::Start => attempts.push((part.now, true)),
                    "shutdown" => {
                        attempts.pop();
                        attempts.push((part.now, false));
                    }
                    _ => {}
                }
            }
        }
        attempts
    }
}

/// The end of a worker.
pub(crate) struct End<'a> {
    pub(crate) sup: &'a Sup,
    pub(crate) id: &'a str,
    pub(crate) pid: &'a str,
    pub(crate) clean: bool,
    pub(crate) kid: &'a Kid,
    /// Whether it is one that is followed by a restart.
    pub(crate) restarts: bool,
}

impl End<'_> {
    pub(crate) fn is(&self, strategy: Strategy) -> bool {
        self.sup.form == Form::Static(strategy)
    }

    pub(crate) fn in_template(&self) -> bool {
        self.sup.form == Form::Template
    }
}

impl<'a> Part<'a> {
    fn new(when: When<'a>, now: u64, before: Tables<'a>) -> Self {
        Self { when, now, lines: Vec::new(), before, after: Tables::new() }
    }

    fn add(&mut self, line: &'a str) {
        let said = if let Some(rest) = line.strip_prefix("start -> ") {
            Line::Other(rest)
        } else if let Some((id, what)) = line.strip_prefix("start ").and_then(|it| it.split_once(": ")) {
            Line::Start { id, what }
        } else if let Some((_, reason)) = line.strip_prefix("asked ").and_then(|it| it.split_once(": ")) {
            Line::Asked { reason }
        } else if let Some((who, reason)) = line.strip_prefix("died ").and_then(|it| it.split_once(": ")) {
            let (id, pid) = who.split_once(' ').unwrap_or((who, ""));
            Line::Died { id, pid, reason }
        } else if let Some(told) = line.strip_prefix("report ") {
            Line::Report(Told::read(told))
        } else if let Some(answer) = line.strip_prefix("= ") {
            Line::Answer(answer)
        } else if let Some((sup, children)) = line.strip_prefix("  ").and_then(|it| it.split_once(':')) {
            let children = children.split_whitespace().filter_map(|child| child.split_once('='));
            self.after.insert(sup, children.collect());
            return;
        } else {
            Line::Other(line)
        };
        self.lines.push(said);
    }

    /// The requests that were made, with their answers, if all were made.
    pub(crate) fn calls(&self) -> Vec<(&'a Call, &'a str)> {
        let When::Step(step) = self.when else { return Vec::new() };
        let mut answers: Vec<_> = self
            .lines
            .iter()
            .filter_map(|line| match line {
                Line::Answer(answer) => Some(*answer),
                _ => None,
            })
            .collect();
        let calls = step.calls();
        // Before the answers it may say who is not there.
        let excess = answers.len().saturating_sub(calls.len());
        answers.drain(..excess);
        if answers.len() == calls.len() { calls.iter().zip(answers).collect() } else { Vec::new() }
    }

    pub(crate) fn state_before(&self, sup: &str, id: &str) -> Option<&'a str> {
        state(&self.before, sup, id)
    }

    pub(crate) fn state_after(&self, sup: &str, id: &str) -> Option<&'a str> {
        state(&self.after, sup, id)
    }

    pub(crate) fn started(&self, id: &str) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line, Line::Start { id: it, what } if *it == id && what.starts_with('#')))
    }

    pub(crate) fn died(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Died { .. })).count()
    }

    pub(crate) fn reports(&self, context: &str) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Report(told) if told.context == context)).count()
    }

    /// Whether a supervisor ended.
    pub(crate) fn ended(&self, sup: &str) -> bool {
        self.lines.iter().any(|line| matches!(line, Line::Died { id, .. } if *id == sup))
    }

    /// The children of `sup` but this one, in both tables: with the state before and after.
    pub(crate) fn siblings(&self, sup: &str, but: &str) -> Vec<(&'a str, &'a str, Option<&'a str>)> {
        let children = self.before.get(sup).into_iter().flatten();
        children.filter(|(id, _)| *id != but).map(|(id, it)| (*id, *it, self.state_after(sup, id))).collect()
    }

    /// Whether those siblings that ran still do as they did, and there is one.
    pub(crate) fn siblings_untouched(&self, sup: &str, but: &str) -> bool {
        let siblings = self.siblings(sup, but);
        let mut running = siblings.iter().filter(|(_, before, _)| before.starts_with('#')).peekable();
        running.peek().is_some() && running.all(|(_, before, after)| *after == Some(*before))
    }

    /// How many children of `sup` ran before.
    pub(crate) fn running(&self, sup: &str) -> usize {
        self.before
            .get(sup)
            .map_or(0, |children| children.iter().filter(|(_, it)| it.starts_with('#')).count())
    }
}

fn state<'a>(tables: &Tables<'a>, sup: &str, id: &str) -> Option<&'a str> {
    tables.get(sup)?.iter().find(|(it, _)| *it == id).map(|(_, state)| *state)
}

impl<'a> Told<'a> {
    fn read(line: &'a str) -> Self {
        let mut words = line.splitn(3, ' ');
        let (sup, context) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest = words.next().unwrap_or_default();
        let (reason, rest) =
            if context == "progress" { ("", rest) } else { rest.split_once(' ').unwrap_or_default() };
        let (rest, policy) = rest.rsplit_once(' ').unwrap_or_default();
        let (id, who) = rest.split_once(' ').unwrap_or_default();
        Self { sup, context, reason, id, who, policy }
    }
}

/// Whether this is how the child is to be stopped.
pub(crate) fn is_limited(kid: &Kid) -> bool {
    matches!(kid.shutdown, Stop::Millis(1..))
}
