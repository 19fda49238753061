//! The one actor that is measured, as each crate wants it written.

/// A counter on actix, used raw and as a supervised child, unchanged.
pub mod on_actix {
    use actix::{Actor, Context, Handler, Message};

    #[derive(Default)]
    pub struct Counter(pub u64);

    #[derive(Message)]
    #[rtype(result = "()")]
    pub struct Add(pub u64);

    #[derive(Message)]
    #[rtype(result = "u64")]
    pub struct Get;

    #[derive(Message)]
    #[rtype(result = "()")]
    pub struct Crash;

    impl Actor for Counter {
        type Context = Context<Self>;
    }

    impl Handler<Add> for Counter {
        type Result = ();

        fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) {
            self.0 += number;
        }
    }

    impl Handler<Get> for Counter {
        type Result = u64;

        fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
            self.0
        }
    }

    impl Handler<Crash> for Counter {
        type Result = ();

        fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
            panic!("a crash that was asked for");
        }
    }
}
