//! A simulation as SVG, in the manner of the series' figures: green for results, red for failures.

use std::fmt::Write;

use super::{Firing, INITIAL, Moving, Side, Simulation};

/// Width of a letter of the font used, in pixels: monospaced at 13 px.
const LETTER: usize = 8;
const BOX_HEIGHT: usize = 34;
const WAY_HEIGHT: usize = 46;
const BETWEEN: usize = 24;
const GAP: usize = 60;
const MARGIN: usize = 24;
const HEAD: usize = 110;

const RESULT: &str = "#2e7d32";
const FAILURE: &str = "#c62828";
const IDLE: &str = "#9e9e9e";

/// The three diagrams side by side.
#[must_use]
pub fn svg(simulation: &Simulation) -> String {
    let longest = simulation
        .pairs
        .iter()
        .flat_map(|pair| [pair.callback.to_string(), pair.errback.to_string()])
        .map(|label| label.chars().count())
        .max()
        .unwrap_or_default();
    let width = (longest * LETTER + 24).max(100);
    let diagram = 2 * width + BETWEEN;
    let height = HEAD + simulation.pairs.len() * (BOX_HEIGHT + WAY_HEIGHT) + WAY_HEIGHT + MARGIN;
    let mut drawing = Drawing { out: String::new(), width };
    let total = 2 * MARGIN + 3 * diagram + 2 * GAP;
    drawing.line(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" viewBox=\"0 0 {total} {height}\" \
         font-family=\"monospace\" font-size=\"13\">"
    ));
    drawing.line(format_args!("<defs>"));
    for (name, colour) in [("result", RESULT), ("failure", FAILURE)] {
        drawing.line(format_args!(
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"{colour}\"/></marker>"
        ));
    }
    drawing.line(format_args!("</defs>"));
    drawing.line(format_args!("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"));
    let titles = ["Deferred".to_owned(), format!("callback({INITIAL})"), format!("errback({INITIAL})")];
    let firings = [None, Some(&simulation.callback), Some(&simulation.errback)];
    for (at, (title, firing)) in titles.iter().zip(firings).enumerate() {
        let left = MARGIN + at * (diagram + GAP);
        drawing.line(format_args!("<g transform=\"translate({left} {MARGIN})\">"));
        drawing.diagram(simulation, title, firing);
        drawing.line(format_args!("</g>"));
    }
    drawing.line(format_args!("</svg>"));
    drawing.out
}

struct Drawing {
    out: String,
    /// Of a box.
    width: usize,
}

impl Drawing {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _written = writeln!(self.out, "{text}");
    }

    fn left(&self, side: Side) -> usize {
        match side {
            Side::Callback => 0,
            Side::Errback => self.width + BETWEEN,
        }
    }

    fn middle(&self, side: Side) -> usize {
        self.left(side) + self.width / 2
    }

    fn top(stage: usize) -> usize {
        HEAD - MARGIN + stage * (BOX_HEIGHT + WAY_HEIGHT)
    }

    fn diagram(&mut self, simulation: &Simulation, title: &str, firing: Option<&Firing>) {
        self.line(format_args!(
            "<text y=\"12\" font-size=\"16\" font-weight=\"bold\">{}</text>",
            escaped(title)
        ));
        for (side, name) in [(Side::Callback, "callback"), (Side::Errback, "errback")] {
            let x = self.middle(side);
            self.line(format_args!("<text x=\"{x}\" y=\"34\" text-anchor=\"middle\">{name}</text>"));
        }
        for (stage, pair) in simulation.pairs.iter().enumerate() {
            let active = firing.and_then(|firing| firing.moves.get(stage)).map(Moving::side);
            for (side, action) in [(Side::Callback, &pair.callback), (Side::Errback, &pair.errback)] {
                let runs = firing.is_none() || active == Some(side);
                self.stage(stage, side, &action.to_string(), runs);
            }
        }
        if let Some(firing) = firing {
            let mut from: Option<&Moving> = None;
            for (stage, moving) in firing.moves.iter().enumerate() {
                self.way(stage, from.unwrap_or(moving).side(), moving);
                from = Some(moving);
            }
        }
    }

    fn stage(&mut self, stage: usize, side: Side, label: &str, runs: bool) {
        let (x, y, width) = (self.left(side), Self::top(stage), self.width);
        let (fill, stroke, ink) = match (side, runs) {
            (_, false) => ("#fafafa", IDLE, IDLE),
            (Side::Callback, true) => ("#e8f5e9", RESULT, "black"),
            (Side::Errback, true) => ("#ffebee", FAILURE, "black"),
        };
        self.line(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX_HEIGHT}\" rx=\"4\" fill=\"{fill}\" stroke=\"{stroke}\"/>"
        ));
        let (x, y) = (self.middle(side), y + 21);
        self.line(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{ink}\">{}</text>",
            escaped(label)
        ));
    }

    fn way(&mut self, stage: usize, from: Side, moving: &Moving) {
        let (name, colour) = if moving.failed { ("failure", FAILURE) } else { ("result", RESULT) };
        let (start, end) = (self.middle(from), self.middle(moving.side()));
        let (bottom, top) = (Self::top(stage), Self::top(stage) - WAY_HEIGHT);
        self.line(format_args!(
            "<path d=\"M{start} {top} L{end} {bottom}\" stroke=\"{colour}\" stroke-width=\"2\" fill=\"none\" marker-end=\"url(#{name})\"/>"
        ));
        let (x, y) = (end + 8, bottom - 10);
        self.line(format_args!(
            "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{}</text>",
            escaped(&moving.to_string())
        ));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
