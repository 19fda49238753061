//! Random cases from a seed, and smaller ones from one that fails.

mod scene;

use fastrand::Rng;

use super::case::{Begin, Case, Id, Init, Limit, Order, Reason, Request, Step, Target, Tie};

const IDS: [Id; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];
const REASONS: [Reason; 6] =
    [Reason::Normal, Reason::Shutdown, Reason::ShutdownX, Reason::Boom, Reason::Kill, Reason::Killed];
/// No sum of so few of them is near a limit, which are 0 to 24 short of hundreds.
const ADVANCES: [u64; 5] = [104, 404, 1004, 2004, 5004];
const LIMITS: [u64; 3] = [100, 300, 1000];

/// What a case is mostly about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Theme {
    Links,
    Monitors,
    Names,
    Calls,
    Servers,
    Suspended,
}

/// A case drawn from `seed`.
pub(crate) fn case(seed: u64) -> Case {
    let rng = &mut Rng::with_seed(seed);
    let theme = pick(
        rng,
        &[
            Theme::Links,
            Theme::Monitors,
            Theme::Names,
            Theme::Calls,
            Theme::Calls,
            Theme::Servers,
            Theme::Suspended,
        ],
    );
    let ids = &IDS[..rng.usize(3..=6)];
    // Where servers are to be started, not all are there yet.
    let there = if theme == Theme::Servers { 1 } else { ids.len() };
    let mut steps = Vec::new();
    for id in &ids[..there] {
        let plain = theme != Theme::Servers && rng.u8(..4) == 0;
        let parent = if !plain && *id != 'a' && rng.u8(..3) == 0 { 'a' } else { 'o' };
        let tie = pick(rng, &[Tie::None, Tie::Monitor, if plain { Tie::None } else { Tie::Link }]);
        let mut orders = vec![Order::Spawn { id: *id, plain, tie, begin: Begin::Run }];
        steps.push(Step::Do(parent, std::mem::take(&mut orders)));
        if rng.u8(..5) < 2 {
            steps.push(Step::Do(*id, vec![Order::Trap(true)]));
        }
    }
    let (mut advances, mut scenes) = (0, 2);
    for _ in 0..rng.usize(4..=14) {
        let mut step = step(rng, theme, ids);
        if matches!(step, Step::Advance(_)) {
            advances += 1;
            // A scene has one, too.
            if advances > 6 {
                step = Step::Do('o', vec![Order::Whereis('x')]);
            }
        }
        steps.push(step);
        if scenes > 0 && rng.u8(..6) == 0 {
            scenes -= 1;
            steps.extend(scene::scene(rng, ids, scenes));
        }
    }
    spread(&mut steps);
    Case(steps)
}

/// Makes what takes time take so in different milliseconds: what is due in one is due in any order. A call's limit may be
/// 2 ms late here.
fn spread(steps: &mut [Step]) {
    let mut taken = 0;
    let orders = steps.iter_mut().flat_map(|step| match step {
        Step::Do(_, orders) => orders.as_mut_slice(),
        _ => &mut [],
    });
    for order in orders {
        let millis = match order {
            Order::Call(_, _, Limit::Millis(millis)) | Order::Stop(_, _, Limit::Millis(millis)) => millis,
            Order::Start { limit: Some(millis), init: Init::Slow(_), .. } | Order::Idle(millis @ 1..) => {
                millis
            }
            _ => continue,
        };
        *millis -= 3 * (taken % 9);
        taken += 1;
    }
}

fn step(rng: &mut Rng, theme: Theme, ids: &[Id]) -> Step {
    match rng.u8(..10) {
        0 if theme == Theme::Calls || theme == Theme::Servers || theme == Theme::Suspended => {
            Step::Advance(pick(rng, &ADVANCES))
        }
        1..=3 if theme == Theme::Suspended => match rng.bool() {
            true => Step::Suspend(pick(rng, ids)),
            false => Step::Resume(pick(rng, ids)),
        },
        1 if theme == Theme::Servers => Step::Advance(pick(rng, &ADVANCES)),
        0..=2 if theme == Theme::Calls => Step::Do(pick(rng, ids), vec![Order::Reply]),
        _ => {
            let who = if rng.u8(..8) == 0 { 'o' } else { pick(rng, ids) };
            Step::Do(who, orders(rng, theme, ids, who))
        }
    }
}

/// What one process is told to do in one turn.
fn orders(rng: &mut Rng, theme: Theme, ids: &[Id], who: Id) -> Vec<Order> {
    let to = pick(rng, ids);
    let target = Target::Id(to);
    let mut orders = match rng.u8(..12) {
        // A stream from one sender to one receiver: its order is promised (OTP-164).
        0 | 1 => {
            let mut stream: Vec<_> = (1..=rng.u32(1..=3)).map(|number| Order::Send(target, number)).collect();
            if rng.bool() {
                let at = rng.usize(..=stream.len());
                stream.insert(at, Order::Cast(target, 9));
            }
            if to != who && rng.bool() {
                let at = rng.usize(..=stream.len());
                stream.insert(at, Order::Exit(to, pick(rng, &REASONS)));
            }
            stream
        }
        // Taken back in the turn it was made.
        2 => match rng.u8(..4) {
            0 => vec![Order::Link(to), Order::Unlink(to)],
            1 => vec![Order::Link(to), Order::Link(to), Order::Unlink(to)],
            2 => vec![Order::Monitor(target), Order::Monitor(target)],
            // Of one that lives: see rules.rs, OTP-163.
            _ => {
                let taken = Order::Demonitor { number: 1, flush: rng.bool(), info: rng.bool() };
                vec![Order::Monitor(Target::Id('o')), taken]
            }
        },
        3 if theme == Theme::Servers => vec![Order::Continue, order(rng, theme, ids, who)],
        // Signals to one receiver are heard in their order: what comes behind a kill comes to a dead process.
        4 if to != who => {
            let behind = pick(rng, &[Order::Link(to), Order::Monitor(target), Order::Send(target, 4)]);
            vec![Order::Exit(to, pick(rng, &REASONS)), behind]
        }
        _ => vec![order(rng, theme, ids, who)],
    };
    if rng.u8(..if theme == Theme::Calls { 16 } else { 6 }) == 0 && who != 'o' {
        // A panic in a future of an actor's is not told to it, only one in a handler is (OTP-172).
        let waits = |order: &Order| {
            matches!(order, Order::Call(..) | Order::Stop(..) | Order::Start { .. } | Order::Continue)
        };
        let crash = rng.u8(..4) == 0 && !orders.iter().any(waits);
        orders.push(if crash { Order::Crash } else { Order::End(pick(rng, &REASONS)) });
    } else if theme == Theme::Servers && rng.u8(..3) == 0 {
        orders.push(Order::Idle(pick(rng, &[0, 100, 300])));
    }
    orders
}

fn order(rng: &mut Rng, theme: Theme, ids: &[Id], who: Id) -> Order {
    let id = if rng.u8(..12) == 0 && who != 'o' { who } else { pick(rng, ids) };
    let (name, owners) = name(rng);
    let target = if rng.u8(..4) == 0 { Target::Name(name) } else { Target::Id(id) };
    // See rules.rs, OTP-152.
    let other = match id {
        'a' if theme == Theme::Servers && id == who => 'b',
        _ if theme == Theme::Servers && id == who => 'a',
        _ => id,
    };
    // Where much has to be said before anything happens, fewer die of it.
    let quiet = matches!(theme, Theme::Calls | Theme::Servers | Theme::Suspended) && rng.bool();
    match (theme, if quiet { rng.u8(6..20) } else { rng.u8(..20) }) {
        (_, 0 | 1) => spawn(rng, ids),
        (_, 2) => Order::Trap(rng.bool()),
        (_, 3) => Order::Send(target, 5),
        (_, 4) => Order::Exit(other, pick(rng, &REASONS)),
        (_, 5) => Order::Cast(target, 6),
        (Theme::Links, 6..=11) => Order::Link(id),
        (Theme::Links, 12..=14) => Order::Unlink(id),
        (Theme::Links, _) => Order::Exit(id, pick(rng, &REASONS)),
        (Theme::Monitors, 6..=12) => Order::Monitor(target),
        (Theme::Monitors, 13..=16) => demonitor(rng),
        (Theme::Monitors, _) => Order::Exit(id, pick(rng, &REASONS)),
        (Theme::Names, 6..=12) => Order::Register(name, pick(rng, &owners)),
        (Theme::Names, 13) => Order::Unregister(name),
        (Theme::Names, 14 | 15) => Order::Whereis(name),
        (Theme::Names, 16) => Order::Monitor(Target::Name(name)),
        (Theme::Names, 17) => Order::Timer(if rng.bool() { Target::Name(name) } else { target }, 0),
        (Theme::Names, 18) => Order::Timer(Target::Id('o'), 3_600_000),
        (Theme::Names, _) => Order::Cancel,
        (Theme::Calls, 6..=15) => call(rng, target),
        (Theme::Calls, 16) => Order::Monitor(target),
        (Theme::Calls, _) => Order::Stop(target, pick(rng, &REASONS[..4]), stop_limit(rng)),
        (Theme::Servers, 6..=15) => start(rng, ids, &owners, name),
        (Theme::Servers, 16 | 17) => Order::Stop(target, pick(rng, &REASONS[..4]), stop_limit(rng)),
        (Theme::Servers, _) => Order::Exit(other, pick(rng, &REASONS)),
        (Theme::Suspended, 6..=9) => call(rng, target),
        (Theme::Suspended, 10..=12) => Order::Monitor(target),
        (Theme::Suspended, 13..=15) => demonitor(rng),
        (Theme::Suspended, 16 | 17) => Order::Link(id),
        (Theme::Suspended, _) => Order::Unlink(id),
    }
}

fn spawn(rng: &mut Rng, ids: &[Id]) -> Order {
    let tie = pick(rng, &[Tie::None, Tie::Link, Tie::Link, Tie::Monitor]);
    let plain = tie != Tie::Link && rng.u8(..3) == 0;
    let reason = pick(rng, &REASONS);
    let begin = pick(rng, &[Begin::Run, Begin::Run, Begin::Crash, Begin::End(reason)]);
    Order::Spawn { id: pick(rng, ids), plain, tie, begin }
}

/// A start that fails is not linked: an exit signal beside its result is a matter of releases, and none comes here
/// (OTP-019).
fn start(rng: &mut Rng, ids: &[Id], owners: &[Id], name: char) -> Order {
    let reason = pick(rng, &REASONS[..4]);
    let init = pick(
        rng,
        &[
            Init::Ok,
            Init::Trap,
            Init::Continue,
            Init::Ignore,
            Init::Stop(reason),
            Init::Crash,
            Init::Slow(500),
        ],
    );
    // See rules.rs, OTP-185.
    let named = rng.bool() && !matches!(init, Init::Slow(_));
    let id = if named { pick(rng, owners) } else { pick(rng, ids) };
    let link = rng.bool() && !matches!(init, Init::Ignore | Init::Stop(_) | Init::Crash);
    let limit = pick(rng, &[None, Some(300), Some(1000)]);
    Order::Start { id, link, name: named.then_some(name), init, limit }
}

fn call(rng: &mut Rng, target: Target) -> Order {
    let reason = pick(rng, &REASONS);
    let request = pick(
        rng,
        &[
            Request::Answer,
            Request::Answer,
            Request::Later,
            Request::Later,
            Request::Later,
            Request::Never,
            Request::Stop(reason),
            Request::ReplyStop(reason),
            Request::Crash,
            Request::KillSelf,
        ],
    );
    Order::Call(target, request, limit(rng))
}

fn limit(rng: &mut Rng) -> Limit {
    let millis = Limit::Millis(pick(rng, &LIMITS));
    pick(rng, &[Limit::Default, millis, millis, Limit::Infinity])
}

fn stop_limit(rng: &mut Rng) -> Limit {
    if rng.bool() { Limit::Infinity } else { Limit::Millis(pick(rng, &LIMITS)) }
}

fn demonitor(rng: &mut Rng) -> Order {
    Order::Demonitor { number: rng.usize(1..=3), flush: rng.bool(), info: rng.bool() }
}

/// A name, and who may have it: no process has two, which would be refused there and is not here (OTP-186, OTP-188).
fn name(rng: &mut Rng) -> (char, [Id; 3]) {
    if rng.bool() { ('x', ['a', 'b', 'c']) } else { ('y', ['d', 'e', 'f']) }
}

fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}

/// The smallest case found that still fails, by leaving out steps and orders.
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
    for index in (0..case.0.len()).rev() {
        let mut less = case.clone();
        less.0.remove(index);
        found.push(less);
    }
    for (index, step) in case.0.iter().enumerate() {
        let Step::Do(id, orders) = step else { continue };
        for order in (0..orders.len()).filter(|_| orders.len() > 1) {
            let mut orders = orders.clone();
            orders.remove(order);
            let mut less = case.clone();
            less.0[index] = Step::Do(*id, orders);
            found.push(less);
        }
    }
    found
}
