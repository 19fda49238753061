//! Where the releases of OTP differ, what is not compared in order, and what is not compared: by the number of the rule.

/// A rule that holds here and in the releases from `since` on (`None`: in none yet, a slip of OTP's); the harness expects
/// the old one of older releases, and counts the cases in which it mattered.
pub(crate) struct Since {
    pub(crate) rule: u32,
    pub(crate) since: Option<u32>,
    /// What the older releases do.
    pub(crate) before: &'static str,
}

pub(crate) const RELEASES: &[Since] = &[
    Since {
        rule: 16,
        since: Some(28),
        before: "a template's supervisor may shut down by itself (not drawn)",
    },
    Since { rule: 19, since: Some(26), before: "the caller of a failed start finds an exit message" },
    Since {
        rule: 40,
        since: Some(27),
        before: "start_child tells a name held elsewhere with the child's record",
    },
    Since { rule: 57, since: Some(28), before: "there is no which_child" },
    Since {
        rule: 59,
        since: None,
        before: "a restarting child of a template that is stopped by request is counted as missing for ever",
    },
    Since {
        rule: 103,
        since: Some(28),
        before: "one that died without a link is told as noproc, not as child_process_unlinked (not drawn: OTP-035)",
    },
    Since {
        rule: 111,
        since: Some(28),
        before: "a restart that is ignored leaves a phantom that ends the supervisor later",
    },
    Since { rule: 145, since: Some(28), before: "start_child reports progress at level info" },
];

/// What is compared without its order, because OTP promises none.
pub(crate) const UNORDERED: &[(u32, &str)] = &[
    (107, "the children of a template are listed in no order: sorted by pid"),
    (115, "the children of a template die in parallel: what they say then, until all are dead"),
    (134, "a killed supervisor's children clean up while its successor starts: the lines of that step"),
    (
        165,
        "ends of supervisors are told at the end of a step, and so are the answers to requests that were sent together",
    ),
    (165, "where a child ends while it starts, an answer is told when its supervisor has come to rest"),
];

/// What an older release shows of a child of a template whose restart was ignored (OTP-111), and of its supervisor's end.
pub(crate) const PHANTOM: &str = "undefined=undefined";
pub(crate) const PHANTOM_KILLS: &str = "{function_clause,stack}";

/// What is not in the traces, or not drawn.
pub(crate) const NOT_COMPARED: &[(u32, &str)] = &[
    (33, "the stack trace of an error is told as `stack`, as our place in the source"),
    (35, "a child that took its link away does not end by itself: here that would be noticed"),
    (39, "the child's record in an answer is told as its id"),
    (55, "modules, which do not exist here"),
    (60, "the start function in a spec, which cannot be read here"),
    (116, "no time at all for the children of a template: how far they come is for OTP's scheduler to say"),
    (
        134,
        "names and unlinked children where supervisors are killed: an old tree may still hold the name (there)",
    ),
    (142, "the start function of an offender"),
    (
        165,
        "children that end while they start, below an inner supervisor: two supervisors would go on side by side",
    ),
];

/// Whether this release is older than our rule.
pub(crate) fn is_older(release: u32, rule: u32) -> bool {
    let known = RELEASES.iter().find(|it| it.rule == rule);
    known.expect("a rule that differs is in the table").since.is_none_or(|since| release < since)
}
