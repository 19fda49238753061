//! `verse deferred [FILE]`: the deferred simulator of Part 9.
//!
//! Reads pairs, one a line, until a blank line or the end: from a file, from stdin, or from a human, who is asked again
//! when a line is bad. What it draws goes to stdout, and as SVG to a file; everything it has to say goes to stderr.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::{Code, Exit};
use crate::deferred::simulator::{self, BadLine, MAX_PAIRS, Pair, Simulation};

/// Bytes of a line at most: two actions with values of the longest kind, and room for blanks.
const MAX_LINE: u64 = 4096;

/// Draw how callbacks and errbacks fire, for any chain of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pairs, one a line: r VALUE, f VALUE or p, twice; a blank line ends [default: -, stdin]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Draw the diagrams one below the other
    #[arg(long)]
    narrow: bool,
    /// Also draw into this file, as SVG [default: none]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// The checked options of `verse deferred`.
#[derive(Debug)]
pub struct DeferredOptions {
    /// Where the pairs are; `None` is stdin.
    pub pairs: Option<Vec<Pair>>,
    /// One below the other instead of side by side.
    pub narrow: bool,
    /// Where to draw as SVG.
    pub svg: Option<PathBuf>,
}

impl Args {
    pub(super) fn check(self) -> Result<DeferredOptions, Exit> {
        let file = self.file.filter(|file| file.as_os_str() != "-");
        let pairs = file.map(|file| read_file(&file)).transpose()?;
        Ok(DeferredOptions { pairs, narrow: self.narrow, svg: self.svg })
    }
}

/// Draws. Exit codes: 0 drawn (or nobody wanted to see it any more); 1 the SVG could not be written; 2 a bad line, or no
/// pair at all.
pub fn deferred(options: DeferredOptions) -> Exit {
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let pairs = match options.pairs {
        Some(pairs) => Ok(pairs),
        None if terminal => ask(&mut io::stdin().lock(), &mut io::stderr().lock()),
        None => read(&mut io::stdin().lock(), "stdin"),
    };
    let simulation = match pairs {
        Ok(pairs) => Simulation::of(pairs),
        Err(exit) => return exit,
    };
    if let Some(file) = &options.svg
        && let Err(error) = std::fs::write(file, simulator::svg(&simulation))
    {
        let line = format!("--svg: cannot write '{}': {error}", file.display());
        return Exit::error(Code::NotGot, "deferred", &line);
    }
    let text = if options.narrow { simulator::narrow(&simulation) } else { simulator::wide(&simulation) };
    Exit::well(text)
}

fn read_file(file: &Path) -> Result<Vec<Pair>, Exit> {
    let name = format!("'{}'", file.display());
    let unreadable = |error: io::Error| Exit::usage("deferred", &name, &error.to_string());
    read(&mut BufReader::new(File::open(file).map_err(unreadable)?), &name)
}

/// Reads what nobody can be asked about again: the first bad line ends it.
fn read(from: &mut dyn BufRead, name: &str) -> Result<Vec<Pair>, Exit> {
    let mut pairs = Vec::new();
    while let Some(text) = line(from).map_err(|error| Exit::usage("deferred", name, &error.to_string()))? {
        if text.trim().is_empty() {
            break;
        }
        let number = pairs.len() + 1;
        let pair = add(&pairs, &text)
            .map_err(|problem| Exit::usage("deferred", &format!("{name} line {number}"), &problem))?;
        pairs.push(pair);
    }
    if pairs.is_empty() { Err(Exit::usage("deferred", name, NO_PAIR)) } else { Ok(pairs) }
}

const NO_PAIR: &str =
    "no pair; give at least one: r VALUE, f VALUE or p for the callback, then for the errback";

/// Asks a human, who is told what is wrong with a line and asked for it again.
fn ask(from: &mut dyn BufRead, to: &mut dyn Write) -> Result<Vec<Pair>, Exit> {
    let failed = |error: io::Error| Exit::usage("deferred", "stdin", &error.to_string());
    let mut pairs = Vec::new();
    // A terminal that does not take the question still gives answers: what it says about that is of no use.
    let mut say = |text: &str| drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
    say("Callback and errback, a pair a line, each r VALUE, f VALUE or p. A blank line ends.\n");
    loop {
        let number = pairs.len() + 1;
        say(&format!("{number}> "));
        let Some(text) = line(from).map_err(failed)? else {
            say("\n");
            return if pairs.is_empty() { Err(Exit::usage("deferred", "stdin", NO_PAIR)) } else { Ok(pairs) };
        };
        if text.trim().is_empty() {
            if pairs.is_empty() {
                say(&format!("{NO_PAIR}\n"));
                continue;
            }
            return Ok(pairs);
        }
        match add(&pairs, &text) {
            Ok(pair) => pairs.push(pair),
            Err(problem) => say(&format!("line {number}: {problem}\n")),
        }
    }
}

/// The next pair of a chain that must not grow for ever.
fn add(pairs: &[Pair], text: &str) -> Result<Pair, String> {
    if pairs.len() >= MAX_PAIRS {
        return Err(format!("more than {MAX_PAIRS} pairs"));
    }
    Pair::parse(text).map_err(|problem: BadLine| problem.to_string())
}

/// The next line, or `None` at the end.
fn line(from: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    let count = from.take(MAX_LINE + 1).read_line(&mut text)?;
    if text.len() as u64 > MAX_LINE {
        return Err(io::Error::other(format!("a line of more than {MAX_LINE} bytes")));
    }
    Ok((count > 0).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &str) -> (Result<Vec<Pair>, Exit>, String) {
        let mut said = Vec::new();
        let pairs = ask(&mut answers.as_bytes(), &mut said);
        (pairs, String::from_utf8(said).unwrap())
    }

    #[test]
    fn a_blank_line_or_the_end_ends() {
        for input in ["r a p\np p\n\nnot read\n", "r a p\np p\n", "r a p\np p", "r a p\r\np p\r\n\r\n"] {
            assert_eq!(read(&mut input.as_bytes(), "stdin").unwrap().len(), 2, "{input:?}");
            assert_eq!(asked(input).0.unwrap().len(), 2, "{input:?}");
        }
    }

    #[test]
    fn a_bad_line_in_a_file_is_told_with_its_number() {
        let exit = read(&mut "r a p\nr a\n".as_bytes(), "'pairs.txt'").unwrap_err();
        assert_eq!(exit.code(), Code::Usage);
        let expected = "verse deferred: 'pairs.txt' line 2: a pair is a callback and an errback, each r VALUE, f VALUE or p\n";
        assert_eq!(exit.text(), expected);
    }

    #[test]
    fn no_pair_is_told_too() {
        for input in ["", "\n", "\nr a p\n"] {
            let exit = read(&mut input.as_bytes(), "stdin").unwrap_err();
            assert_eq!((exit.code(), exit.text().contains("no pair")), (Code::Usage, true), "{input:?}");
        }
    }

    #[test]
    fn a_human_is_asked_again() {
        let (pairs, said) = asked("\nr a\nr a p\nx\np p\n\n");
        assert_eq!(pairs.unwrap().len(), 2);
        let expected = [
            "Callback and errback, a pair a line, each r VALUE, f VALUE or p. A blank line ends.\n1> ",
            "no pair; give at least one: r VALUE, f VALUE or p for the callback, then for the errback\n1> ",
            "line 1: a pair is a callback and an errback, each r VALUE, f VALUE or p\n1> 2> ",
            "line 2: no such action: x (r VALUE, f VALUE or p)\n2> 3> ",
        ];
        assert_eq!(said, expected.concat());
        assert_eq!(asked("x\n").0.unwrap_err().code(), Code::Usage, "the human has gone");
    }

    #[test]
    fn endless_input_is_refused() {
        let exit = read(&mut "x".repeat(10_000).as_bytes(), "stdin").unwrap_err();
        assert!(exit.text().contains("a line of more than 4096 bytes"), "{}", exit.text());
        let exit = read(&mut "p p\n".repeat(MAX_PAIRS + 1).as_bytes(), "stdin").unwrap_err();
        assert!(exit.text().contains("line 1001: more than 1000 pairs"), "{}", exit.text());
    }
}
