//! A simulation as text: boxes, and the way the result takes through them.

use super::{Firing, INITIAL, Moving, Side, Simulation};

/// Columns between two diagrams.
const GAP: usize = 6;
/// Columns between the callback and the errback of a stage.
const BETWEEN: usize = 3;
/// Rows of a stage: three of its boxes, two of the way to the next.
const STAGE: usize = 5;
/// Rows above the first box: titles, a blank, the names of the lines, what comes in, an arrow.
const HEAD: usize = 5;

/// The three diagrams side by side.
#[must_use]
pub fn wide(simulation: &Simulation) -> String {
    let diagrams = diagrams(simulation);
    let height = diagrams.iter().map(|canvas| canvas.rows.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in 0..height {
        let mut line = String::new();
        for (at, canvas) in diagrams.iter().enumerate() {
            if at > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            line.push_str(&canvas.row(row));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The three diagrams one below the other.
#[must_use]
pub fn narrow(simulation: &Simulation) -> String {
    let all = diagrams(simulation).map(|canvas| canvas.text());
    all.join("\n")
}

/// The chain, and both ways through it.
fn diagrams(simulation: &Simulation) -> [Canvas; 3] {
    let boxes = Boxes::of(simulation);
    [
        boxes.chain(simulation),
        boxes.firing(simulation, &simulation.callback, &format!("callback({INITIAL})")),
        boxes.firing(simulation, &simulation.errback, &format!("errback({INITIAL})")),
    ]
}

/// How wide things are.
struct Boxes {
    /// The width of a box.
    width: usize,
}

impl Boxes {
    fn of(simulation: &Simulation) -> Self {
        let labels =
            simulation.pairs.iter().flat_map(|pair| [pair.callback.to_string(), pair.errback.to_string()]);
        let moves = [&simulation.callback, &simulation.errback].into_iter().flat_map(|firing| &firing.moves);
        let inside = labels.map(|label| count(&label)).max().unwrap_or_default();
        let moving = moves.map(|moving| count(&moving.to_string())).max().unwrap_or_default();
        // At least as wide as the longer name of a line; a moving result must not reach into the other line.
        Self { width: (inside + 4).max(moving).max("callback".len()) }
    }

    fn columns(&self) -> usize {
        (2 * self.width + BETWEEN).max(INITIAL.len() + "callback()".len())
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

    fn canvas(&self, simulation: &Simulation, title: &str) -> Canvas {
        let mut canvas = Canvas::new(self.columns(), HEAD + STAGE * simulation.pairs.len());
        canvas.put(0, 0, title);
        for (side, name) in [(Side::Callback, "callback"), (Side::Errback, "errback")] {
            canvas.centre(2, self.left(side), self.width, name);
        }
        canvas
    }

    fn frame(&self, canvas: &mut Canvas, stage: usize, side: Side, label: &str) {
        let (top, left) = (HEAD + STAGE * stage, self.left(side));
        let edge = format!("+{}+", "-".repeat(self.width - 2));
        canvas.put(top, left, &edge);
        canvas.put(top + 1, left, "|");
        canvas.put(top + 1, left + self.width - 1, "|");
        canvas.centre(top + 1, left, self.width, label);
        canvas.put(top + 2, left, &edge);
    }

    fn chain(&self, simulation: &Simulation) -> Canvas {
        let mut canvas = self.canvas(simulation, "Deferred");
        for (stage, pair) in simulation.pairs.iter().enumerate() {
            self.frame(&mut canvas, stage, Side::Callback, &pair.callback.to_string());
            self.frame(&mut canvas, stage, Side::Errback, &pair.errback.to_string());
        }
        canvas
    }

    fn firing(&self, simulation: &Simulation, firing: &Firing, title: &str) -> Canvas {
        let mut canvas = self.canvas(simulation, title);
        let sides = [Side::Callback, Side::Errback];
        for (stage, (pair, moving)) in simulation.pairs.iter().zip(&firing.moves).enumerate() {
            for side in sides.into_iter().filter(|side| *side == moving.side()) {
                let label = if side == Side::Callback { &pair.callback } else { &pair.errback };
                self.frame(&mut canvas, stage, side, &label.to_string());
            }
        }
        let mut from: Option<&Moving> = None;
        for (stage, moving) in firing.moves.iter().enumerate() {
            // Between the box before and the box after: the way, then what goes it.
            let row = HEAD + STAGE * stage - 2;
            self.way(&mut canvas, row, from.unwrap_or(moving).side(), moving.side());
            canvas.centre(row + 1, self.left(moving.side()), self.width, &moving.to_string());
            from = Some(moving);
        }
        if firing.moves.last().is_some_and(|last| last.failed) {
            let row = HEAD + STAGE * (firing.moves.len() - 1);
            canvas.centre(row, self.left(Side::Errback), self.width, "unhandled");
        }
        canvas
    }

    /// A straight line, or one that crosses over.
    fn way(&self, canvas: &mut Canvas, row: usize, from: Side, to: Side) {
        let across = self.middle(Side::Errback) - self.middle(Side::Callback) - 1;
        let left = self.middle(Side::Callback);
        match (from, to) {
            (Side::Callback, Side::Errback) => canvas.put(row, left, &format!("`{}.", "-".repeat(across))),
            (Side::Errback, Side::Callback) => canvas.put(row, left, &format!(".{}'", "-".repeat(across))),
            (side, _) => canvas.put(row, self.middle(side), "|"),
        }
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// A rectangle of characters.
struct Canvas {
    columns: usize,
    rows: Vec<Vec<char>>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows: vec![vec![' '; columns]; rows] }
    }

    /// Writes from a column on; rows are added as needed.
    fn put(&mut self, row: usize, column: usize, text: &str) {
        while self.rows.len() <= row {
            self.rows.push(vec![' '; self.columns]);
        }
        let line = &mut self.rows[row];
        for (at, letter) in text.chars().enumerate() {
            if line.len() <= column + at {
                line.push(' ');
            }
            line[column + at] = letter;
        }
    }

    fn centre(&mut self, row: usize, left: usize, width: usize, text: &str) {
        // The middle letter under the middle of the box, where the lines run.
        let before = (width / 2).saturating_sub(count(text) / 2).min(width.saturating_sub(count(text)));
        self.put(row, left + before, text);
    }

    fn row(&self, row: usize) -> String {
        match self.rows.get(row) {
            Some(line) => line.iter().collect(),
            None => " ".repeat(self.columns),
        }
    }

    fn text(&self) -> String {
        self.rows.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }
}
