//! How things are measured: many short rounds, each contender once a round, forwards and backwards in turn, so that a
//! machine that slows down slows all of them; then medians, and the median of the ratios within a round.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// One measurement of one contender: larger or smaller is better, as its table says.
pub type Body = Box<dyn Fn() -> Pin<Box<dyn Future<Output = f64>>>>;

/// Who is measured, by what.
pub struct Contender {
    pub name: &'static str,
    pub body: Body,
}

impl Contender {
    pub fn new<F, Fut>(name: &'static str, body: F) -> Self
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output = f64> + 'static,
    {
        Self { name, body: Box::new(move || Box::pin(body())) }
    }
}

/// What came of a contender.
pub struct Outcome {
    pub name: &'static str,
    pub median: f64,
    /// Median of what this contender reached, divided by what the first one reached in the same round.
    pub ratio: f64,
}

/// Runs `rounds` rounds over all contenders; the first is the measure of the others.
pub async fn rounds(rounds: usize, contenders: &[Contender]) -> Vec<Outcome> {
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        let mut order: Vec<_> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for who in order {
            // A task of its own: the body of `block_on` is polled at three times the cost.
            let sample =
                tokio::task::spawn_local((contenders[who].body)()).await.expect("no contender panics");
            samples[who].push(sample);
        }
    }
    let outcome = |(who, contender): (usize, &Contender)| {
        let ratios = samples[who].iter().zip(&samples[0]).map(|(mine, first)| mine / first).collect();
        Outcome { name: contender.name, median: median(samples[who].clone()), ratio: median(ratios) }
    };
    contenders.iter().enumerate().map(outcome).collect()
}

/// The middle of the samples.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// So many of something in the time since then.
#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn per_second(number: usize, since: Instant) -> f64 {
    number as f64 / since.elapsed().as_secs_f64()
}
