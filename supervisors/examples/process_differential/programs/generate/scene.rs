//! Scenes of a few steps that chance alone would seldom put together.

use fastrand::Rng;

use super::super::case::{Begin, Id, Init, Limit, Order, Reason, Request, Step, Target, Tie};
use super::{REASONS, pick};

/// One scene, played by some of `ids` and by newcomers, who are others for each `number`.
pub(super) fn scene(rng: &mut Rng, ids: &[Id], number: usize) -> Vec<Step> {
    let newcomers = [['g', 'h'], ['i', 'j']][number % 2];
    let (one, two) = (pick(rng, ids), newcomers[0]);
    let other = newcomers[1];
    let reason = pick(rng, &REASONS);
    let server = |id: Id| Order::Spawn { id, plain: false, tie: Tie::None, begin: Begin::Run };
    let act = |id: Id, order: Order| Step::Do(id, vec![order]);
    match rng.u8(..9) {
        // An answer that comes too late, or in time (OTP-167, OTP-169, OTP-175).
        late @ 0..=2 => {
            let limit = if late == 2 { Limit::Default } else { Limit::Millis(pick(rng, &[100, 300])) };
            vec![
                act('o', server(two)),
                act('o', server(other)),
                act(other, Order::Call(Target::Id(two), Request::Later, limit)),
                Step::Advance(404),
                act(two, Order::Reply),
                act(two, Order::Send(Target::Id(other), 7)),
            ]
        }
        // A start that takes its time (OTP-180).
        3 => {
            let limit = pick(rng, &[Some(300), Some(300), Some(1000), None]);
            let init = Init::Slow(500);
            let start = Order::Start { id: two, link: rng.bool(), name: None, init, limit };
            vec![act(one, start), Step::Advance(1004), act(one, Order::Send(Target::Id(two), 7))]
        }
        // Two that want one name (OTP-185).
        4 | 5 => {
            let link = rng.bool();
            let start =
                |id| Order::Start { id, link, name: Some('x'), init: Init::Ok, limit: None };
            vec![
                act(one, start(two)),
                act(one, start(other)),
                act('o', Order::Monitor(Target::Name('x'))),
                act('o', Order::Exit(two, reason)),
                act(one, start(other)),
            ]
        }
        // A child that ends before its parent's turn does (OTP-156).
        6 => {
            let begin = if rng.u8(..4) == 0 { Begin::Crash } else { Begin::End(reason) };
            vec![
                act(one, Order::Trap(rng.u8(..4) > 0)),
                act(one, Order::Spawn { id: two, plain: false, tie: Tie::Link, begin }),
            ]
        }
        // Whoever hears of a death finds the name free (OTP-158, OTP-187).
        7 => vec![
            act('o', server(two)),
            act(one, Order::Link(two)),
            act(one, Order::Monitor(Target::Id(two))),
            act('o', Order::Register('x', two)),
            act('o', Order::Monitor(Target::Id(two))),
            act(two, Order::End(reason)),
            act(one, Order::Register('x', one)),
        ]
        .into_iter()
        .filter(|step| !matches!(step, Step::Do(_, orders) if matches!(orders[..], [Order::Register(_, id)] if "def".contains(id))))
        .collect(),
        // A server that answers and stops (OTP-174), and a call in the middle of others (OTP-164).
        _ => {
            let ends = Request::ReplyStop(reason);
            let idle = vec![Order::Continue, Order::Idle(pick(rng, &[0, 100, 300]))];
            vec![
                act('o', server(two)),
                act('o', server(other)),
                Step::Do(other, idle),
                Step::Advance(404),
                act(other, Order::Call(Target::Id(two), ends, Limit::Infinity)),
                act(other, Order::End(Reason::Normal)),
            ]
        }
    }
}
