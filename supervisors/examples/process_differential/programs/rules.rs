//! The rules of sections P to T of the conformance list that programs of processes reach.

/// Each with what it says, in a few words.
pub(crate) const REACHED: [(u16, &str); 38] = [
    (147, "ends: normal, by a reason, by a crash"),
    (148, "a link passes the reason on"),
    (149, "kill cannot be trapped and is heard as killed"),
    (150, "kill by itself and killed by exit are ordinary"),
    (151, "exit needs no link"),
    (152, "exit with normal"),
    (153, "link to the dead"),
    (154, "links are symmetric and single, none to oneself"),
    (155, "no exit after unlink"),
    (156, "spawn_link misses no end"),
    (157, "no code runs once a signal has ended it"),
    (158, "the name is free when links and monitors hear"),
    (160, "one DOWN a monitor"),
    (161, "monitor of the dead"),
    (162, "monitor by name"),
    (163, "demonitor, flush, info"),
    (164, "signals of one sender keep their order"),
    (165, "what has no order"),
    (166, "sending to the dead and to nobody"),
    (167, "a late answer is dropped"),
    (168, "timers and their cancelling"),
    (169, "a call's time-out"),
    (170, "call to nobody and to oneself"),
    (171, "the callee ends during the call"),
    (172, "terminate after a crash, none after a kill"),
    (174, "answer and stop"),
    (175, "answer later"),
    (176, "cast never fails"),
    (177, "idle time-out"),
    (178, "continue"),
    (179, "start that fails or ignores"),
    (180, "start that takes too long"),
    (181, "the parent's end"),
    (182, "a stranger's exit signal"),
    (183, "stop"),
    (185, "start under a taken name"),
    (186, "register, unregister, whereis"),
    (187, "the name of the dead is free"),
];

/// Where the traces are not compared letter by letter, or nothing is asked, by the rule that leaves it open.
pub(crate) const LEFT_OPEN: [(u16, &str); 8] = [
    (
        165,
        "no order between lines of different processes, nor between what one hears of different senders in a step",
    ),
    (165, "no order between the EXIT and the DOWNs of one death"),
    (
        165,
        "what one ended by a signal had still seen in that step, and whether the signal or its own end came first to \
           one born in that step",
    ),
    (
        152,
        "to a gen_server without a parent that traps, an exit signal of its own is its parent's; here a message: \
           none sends itself any",
    ),
    (153, "the error raised by a link to the dead is a signal here: the script sends it to itself"),
    (
        163,
        "whether the DOWN of one that is dead already is there in the turn it was asked for: none takes it back then",
    ),
    (185, "a name is taken when a start is over, there when it begins: no slow start has one"),
    (186, "two names of one process are refused there and allowed here (OTP-188): none has two"),
];
