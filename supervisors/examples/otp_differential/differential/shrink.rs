//! Smaller cases from one that fails.

use super::case::{Case, Form, Job, Step, Sup, What};

/// The smallest case found that still fails, by leaving out steps, requests, children, and outcomes of starts.
pub(crate) fn shrink(case: Case, fails: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut best = case;
    'again: loop {
        for smaller in smaller(&best) {
            if fails(&smaller) {
                best = smaller;
                continue 'again;
            }
        }
        return best;
    }
}

fn smaller(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    for index in 0..case.script.len() {
        let mut less = case.clone();
        less.script.remove(index);
        found.push(less);
        for step in smaller_steps(&case.script[index]) {
            let mut less = case.clone();
            less.script[index] = step;
            found.push(less);
        }
    }
    for root in smaller_sups(&case.root) {
        found.push(Case { root, script: case.script.clone() });
    }
    found
}

fn smaller_steps(step: &Step) -> Vec<Step> {
    let without = |calls: &[_], index: usize| {
        let mut calls = calls.to_vec();
        calls.remove(index);
        calls
    };
    match step {
        Step::Burst(sup, exits, calls) => {
            let mut found = Vec::new();
            for index in 0..exits.len() {
                let mut exits = exits.clone();
                exits.remove(index);
                found.push(Step::Burst(sup.clone(), exits, calls.clone()));
            }
            let fewer = (0..calls.len()).map(|index| without(calls, index));
            found.extend(fewer.map(|calls| Step::Burst(sup.clone(), exits.clone(), calls)));
            found
        }
        Step::Retry(sup, id, calls) => {
            let fewer = (0..calls.len()).map(|index| without(calls, index));
            fewer.map(|calls| Step::Retry(sup.clone(), id.clone(), calls)).collect()
        }
        _ => Vec::new(),
    }
}

fn smaller_sups(sup: &Sup) -> Vec<Sup> {
    let mut found = Vec::new();
    for index in 0..sup.children.len() {
        if sup.form != Form::Template {
            let mut less = sup.clone();
            less.children.remove(index);
            found.push(less);
        }
        let inner = match &sup.children[index].what {
            What::Supervisor(inner) => smaller_sups(inner).into_iter().map(What::Supervisor).collect(),
            What::Worker(job) if !job.starts.is_empty() => {
                let starts = job.starts[..job.starts.len() - 1].to_vec();
                vec![What::Worker(Job { starts, ..job.clone() })]
            }
            What::Worker(_) => Vec::new(),
        };
        for what in inner {
            let mut less = sup.clone();
            less.children[index].what = what;
            found.push(less);
        }
    }
    found
}
