//! The table: each figure beside its goal and the ratio of the two.

use std::error::Error;

/// A ratio beyond this says no more.
const MOST: f64 = 99.0;

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
    /// Reported beside, without a goal of its own.
    None,
}

impl Goal {
    /// How much of the goal is reached: 1 or more meets it, whichever way it points.
    fn ratio(self, figure: f64) -> Option<f64> {
        match self {
            Self::AtLeast(goal) => Some(figure / goal),
            Self::AtMost(goal) => Some(goal / figure.max(goal / MOST)),
            Self::None => None,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {} {unit}", short(goal)),
            Self::AtMost(goal) => format!("≤ {} {unit}", short(goal)),
            Self::None => String::new(),
        }
    }
}

/// All figures of a run.
#[derive(Debug)]
pub struct Report {
    backend: String,
    rows: Vec<String>,
    failures: usize,
}

impl Report {
    /// An empty one for this database and bus.
    pub fn new(backend: &str) -> Self {
        Self { backend: backend.to_owned(), rows: Vec::new(), failures: 0 }
    }

    /// Adds a figure, in `unit`.
    pub fn add(&mut self, measure: &str, figure: f64, unit: &str, goal: Goal) {
        let (ratio, met) = match goal.ratio(figure) {
            Some(ratio) if ratio >= 1.0 => (short(ratio.min(MOST)), "yes"),
            Some(ratio) => (short(ratio), "no"),
            None => (String::new(), ""),
        };
        let row = format!("| {measure} | {} {unit} | {} | {ratio} | {met} |", short(figure), goal.text(unit));
        eprintln!("{row}");
        self.rows.push(row);
    }

    /// A measure that gave no figure.
    pub fn failed(&mut self, measure: &str, error: &dyn Error) {
        eprintln!("{measure}: {error}");
        self.rows.push(format!("| {measure} | failed: {error} | | | |"));
        self.failures += 1;
    }

    /// Every measure gave its figures.
    pub const fn is_complete(&self) -> bool {
        self.failures == 0
    }

    /// Writes the table to standard output, as Markdown.
    pub fn print(&self) {
        println!("\n{}\n", self.backend);
        println!("| measure | figure | goal | of the goal | met |\n|---|---|---|---|---|");
        for row in &self.rows {
            println!("{row}");
        }
    }
}

/// Three digits that count, thousands apart.
fn short(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
