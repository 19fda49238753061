//! Random supervision trees and scripts, run on the installed OTP's own `supervisor` and on ours: the traces must be
//! equal, line by line.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod differential;

use std::process::ExitCode;

use differential::compare;
use differential::theirs::Otp;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<u64>().unwrap());
    let (seed, cases) = (arguments.next().unwrap_or(1), arguments.next().unwrap_or(1000));
    let mut otp = Otp::start().unwrap();
    let outcome = compare::compare(&mut otp, seed..seed + cases);
    outcome.told.iter().for_each(|difference| println!("{difference}"));
    for (rule, hits) in &outcome.hits {
        print!("{rule} {hits}{} ", if *hits < 100 { " !!" } else { "," });
    }
    println!("{:?} {} lines, {} differences", outcome.adapted, outcome.lines, outcome.differences);
    ExitCode::SUCCESS
}
