//! A case as Rust reads it: an expression that makes it.

use std::fmt::Write as _;

use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

use super::case::{Behaviour, Call, Case, Form, Job, Kid, Reason, Start, Step, Stop, Sup, What};

/// The expression, formatted as the file it may become.
pub(crate) fn expression(case: &Case) -> String {
    let mut text = String::from("Case {\n    root: ");
    sup(&mut text, &case.root, 1);
    text.push_str(",\n    script: vec![");
    for it in &case.script {
        text.push_str("\n        ");
        step(&mut text, it, 2);
        text.push(',');
    }
    text.push_str(if case.script.is_empty() { "],\n}\n" } else { "\n    ],\n}\n" });
    text
}

fn sup(text: &mut String, sup: &Sup, depth: usize) {
    let indent = "    ".repeat(depth);
    let form = match sup.form {
        Form::Static(Strategy::OneForOne) => "Form::Static(Strategy::OneForOne)",
        Form::Static(Strategy::OneForAll) => "Form::Static(Strategy::OneForAll)",
        Form::Static(Strategy::RestForOne) => "Form::Static(Strategy::RestForOne)",
        Form::Template => "Form::Template",
    };
    let auto = match sup.auto {
        AutoShutdown::Never => "Never",
        AutoShutdown::AnySignificant => "AnySignificant",
        AutoShutdown::AllSignificant => "AllSignificant",
    };
    let Sup { id, intensity, period, children, .. } = sup;
    let _ = write!(
        text,
        "Sup {{\n{indent}    id: {id:?}.to_owned(),\n{indent}    form: {form},\n{indent}    intensity: {intensity},\n\
         {indent}    period: {period},\n{indent}    auto: AutoShutdown::{auto},\n{indent}    children: vec!["
    );
    for child in children {
        let _ = write!(text, "\n{indent}        ");
        kid(text, child, depth + 2);
        text.push(',');
    }
    if !children.is_empty() {
        let _ = write!(text, "\n{indent}    ");
    }
    let _ = write!(text, "],\n{indent}}}");
}

fn kid(text: &mut String, kid: &Kid, depth: usize) {
    let indent = "    ".repeat(depth);
    let restart = match kid.restart {
        Restart::Permanent => "Permanent",
        Restart::Transient => "Transient",
        Restart::Temporary => "Temporary",
    };
    let shutdown = match kid.shutdown {
        Stop::Brutal => "Brutal".to_owned(),
        Stop::Millis(millis) => format!("Millis({millis})"),
        Stop::Infinity => "Infinity".to_owned(),
    };
    let significant = kid.significant;
    let _ = write!(
        text,
        "Kid {{\n{indent}    restart: Restart::{restart},\n{indent}    significant: {significant},\n\
         {indent}    shutdown: Stop::{shutdown},\n{indent}    what: "
    );
    match &kid.what {
        What::Supervisor(it) => {
            text.push_str("What::Supervisor(");
            sup(text, it, depth + 1);
        }
        What::Worker(it) => {
            text.push_str("What::Worker(");
            job(text, it, depth + 1);
        }
    }
    let _ = write!(text, "),\n{indent}}}");
}

fn job(text: &mut String, job: &Job, depth: usize) {
    let indent = "    ".repeat(depth);
    let behaviour = match job.behaviour {
        Behaviour::Answers(reason) => format!("Answers({})", self::reason(reason)),
        other => format!("{other:?}"),
    };
    let starts = job.starts.iter().map(|start| match start {
        Start::Fails(reason) => format!("Start::Fails({})", self::reason(*reason)),
        Start::Links(reason) => format!("Start::Links({})", self::reason(*reason)),
        Start::Dies(reason) => format!("Start::Dies({})", self::reason(*reason)),
        other => format!("Start::{other:?}"),
    });
    let starts = starts.collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "Job {{\n{indent}    id: {:?}.to_owned(),\n{indent}    behaviour: Behaviour::{behaviour},\n\
         {indent}    starts: vec![{starts}],\n{indent}    named: {},\n{indent}}}",
        job.id, job.named
    );
}

fn reason(reason: Reason) -> String {
    format!("Reason::{reason:?}")
}

fn step(text: &mut String, step: &Step, depth: usize) {
    let written = match step {
        Step::Advance(millis) => format!("Step::Advance({millis})"),
        Step::Exit(id, why) => format!("Step::Exit({id:?}.to_owned(), {})", reason(*why)),
        Step::Kill(id) => format!("Step::Kill({id:?}.to_owned())"),
        Step::Signal(id, why) => format!("Step::Signal({id:?}.to_owned(), {})", reason(*why)),
        Step::Squat(id) => format!("Step::Squat({id:?}.to_owned())"),
        Step::Vacate(id) => format!("Step::Vacate({id:?}.to_owned())"),
        Step::Call(it) => {
            text.push_str("Step::Call(");
            call(text, it, depth);
            return text.push(')');
        }
        Step::Burst(sup, exits, calls) => {
            let exits = exits.iter().map(|(id, why)| format!("({id:?}.to_owned(), {})", reason(*why)));
            let exits = exits.collect::<Vec<_>>().join(", ");
            let _ = write!(text, "Step::Burst({sup:?}.to_owned(), vec![{exits}], ");
            return all(text, calls, depth);
        }
        Step::Retry(sup, id, calls) => {
            let _ = write!(text, "Step::Retry({sup:?}.to_owned(), {id:?}.to_owned(), ");
            return all(text, calls, depth);
        }
    };
    text.push_str(&written);
}

fn all(text: &mut String, calls: &[Call], depth: usize) {
    text.push_str("vec![");
    for (number, it) in calls.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        call(text, it, depth);
    }
    text.push_str("])");
}

fn call(text: &mut String, call: &Call, depth: usize) {
    let (name, second) = match call {
        Call::Start(sup, it) => {
            let _ = write!(text, "Call::Start({sup:?}.to_owned(), Box::new(");
            kid(text, it, depth);
            return text.push_str("))");
        }
        Call::Count(sup) => {
            let _ = write!(text, "Call::Count({sup:?}.to_owned())");
            return;
        }
        Call::Add(_, id) => ("Add", id),
        Call::Terminate(_, id) => ("Terminate", id),
        Call::TerminatePid(_, id) => ("TerminatePid", id),
        Call::Restart(_, id) => ("Restart", id),
        Call::Delete(_, id) => ("Delete", id),
        Call::Which(_, id) => ("Which", id),
        Call::Spec(_, id) => ("Spec", id),
        Call::SpecPid(_, id) => ("SpecPid", id),
    };
    let _ = write!(text, "Call::{name}({:?}.to_owned(), {second:?}.to_owned())", call.sup());
}
