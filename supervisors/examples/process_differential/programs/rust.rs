//! A case as Rust: a test that can be pasted.

use std::fmt::{Debug, Write as _};

use super::case::{Case, Order, Step};

/// A statement that fails as long as the case differs.
pub(crate) fn script(case: &Case) -> String {
    let mut text = "assert_same(&Case(vec![\n".to_owned();
    for step in &case.0 {
        let _ = match step {
            Step::Do(id, orders) => {
                let orders: Vec<_> = orders.iter().map(order).collect();
                writeln!(text, "    Step::Do({id:?}, vec![{}]),", orders.join(", "))
            }
            other => writeln!(text, "    Step::{other:?},"),
        };
    }
    text.push_str("]));\n");
    text
}

fn order(order: &Order) -> String {
    match order {
        Order::Spawn { id, plain, tie, begin } => {
            let (tie, begin) = (of("Tie", tie), of("Begin", begin));
            format!("Order::Spawn {{ id: {id:?}, plain: {plain}, tie: {tie}, begin: {begin} }}")
        }
        Order::Start { id, link, name, init, limit } => {
            let init = of("Init", init);
            format!(
                "Order::Start {{ id: {id:?}, link: {link}, name: {name:?}, init: {init}, limit: {limit:?} }}"
            )
        }
        Order::Send(to, number) => format!("Order::Send({}, {number})", of("Target", to)),
        Order::Cast(to, number) => format!("Order::Cast({}, {number})", of("Target", to)),
        Order::Timer(to, millis) => format!("Order::Timer({}, {millis})", of("Target", to)),
        Order::Monitor(to) => format!("Order::Monitor({})", of("Target", to)),
        Order::Call(to, request, limit) => {
            let (to, request, limit) = (of("Target", to), of("Request", request), of("Limit", limit));
            format!("Order::Call({to}, {request}, {limit})")
        }
        Order::Stop(to, reason, limit) => {
            let (to, reason, limit) = (of("Target", to), of("Reason", reason), of("Limit", limit));
            format!("Order::Stop({to}, {reason}, {limit})")
        }
        Order::Exit(id, reason) => format!("Order::Exit({id:?}, {})", of("Reason", reason)),
        Order::End(reason) => format!("Order::End({})", of("Reason", reason)),
        other => of("Order", other),
    }
}

/// A value of an enum by its path; what stands in it, if it is a name, is a reason.
fn of(path: &str, value: &impl Debug) -> String {
    let text = format!("{path}::{value:?}");
    match text.split_once('(') {
        Some((name, rest)) if rest.starts_with(|it: char| it.is_ascii_uppercase()) => {
            format!("{name}(Reason::{rest}")
        }
        _ => text,
    }
}
