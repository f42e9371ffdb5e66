//! The table that the comparison prints, in Markdown.

use crate::samples::Samples;

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    PerSecond,
}

/// Rows in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

pub(crate) struct Row {
    what: String,
    unit: Unit,
    ours: Option<Samples>,
    beside: Option<(&'static str, Option<Samples>)>,
    target: Target,
}

#[derive(Clone, Copy)]
enum Target {
    None,
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
}

impl Table {
    /// Adds what mailtrace takes; `None` is what could not be measured on this machine.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        unit: Unit,
        ours: impl Into<Option<Samples>>,
    ) -> &mut Row {
        let ours = ours.into();
        self.rows.push(Row { what: what.into(), unit, ours, beside: None, target: Target::None });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    pub(crate) fn print(&self) {
        let head = ["", "mailtrace", "beside", "it takes", "ratio", "target", ""];
        let mut lines = vec![head.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let widths: Vec<usize> = (0..head.len())
            .map(|column| lines.iter().map(|it| it[column].chars().count()).max().unwrap_or(0))
            .collect();
        for (index, line) in lines.iter().enumerate() {
            let cells: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            println!("| {} |", cells.join(" | "));
            if index == 0 {
                println!("|{}|", vec!["---"; head.len()].join("|"));
            }
        }
    }
}

impl Row {
    /// What the same takes elsewhere.
    pub(crate) fn beside(
        &mut self,
        name: &'static str,
        theirs: impl Into<Option<Samples>>,
    ) -> &mut Self {
        self.beside = Some((name, theirs.into()));
        self
    }

    pub(crate) fn ratio_at_most(&mut self, most: f64) {
        self.target = Target::RatioAtMost(most);
    }

    pub(crate) fn ratio_at_least(&mut self, least: f64) {
        self.target = Target::RatioAtLeast(least);
    }

    pub(crate) fn at_most(&mut self, most: f64) {
        self.target = Target::AtMost(most);
    }

    fn ratio(&self) -> Option<f64> {
        let (_, theirs) = self.beside.as_ref()?;
        Some(self.ours.as_ref()?.median() / theirs.as_ref()?.median())
    }

    fn is_met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::RatioAtMost(most) => self.ratio().map(|it| it <= most),
            Target::RatioAtLeast(least) => self.ratio().map(|it| it >= least),
            Target::AtMost(most) => self.ours.as_ref().map(|it| it.median() <= most),
        }
    }

    fn cells(&self) -> [String; 7] {
        let shown = |it: &Option<Samples>| {
            it.as_ref().map_or_else(|| "not measured".to_owned(), |it| self.unit.spread(it))
        };
        let (name, theirs) = self
            .beside
            .as_ref()
            .map_or(("", String::new()), |(name, theirs)| (*name, shown(theirs)));
        let ratio = self.ratio().map(significant).unwrap_or_default();
        let target = match self.target {
            Target::None => String::new(),
            Target::RatioAtMost(most) => format!("<= {most}"),
            Target::RatioAtLeast(least) => format!(">= {least}"),
            Target::AtMost(most) => format!("<= {}", self.unit.show(most)),
        };
        let verdict = match (self.target, self.is_met()) {
            (Target::None, _) => "",
            (_, Some(true)) => "met",
            (_, Some(false)) => "**missed**",
            (_, None) => "not measured",
        };
        let what = self.what.clone();
        [what, shown(&self.ours), name.to_owned(), theirs, ratio, target, verdict.to_owned()]
    }
}

impl Unit {
    /// The median, and in brackets the extremes.
    fn spread(self, samples: &Samples) -> String {
        let (median, min, max) = (samples.median(), samples.min(), samples.max());
        if min == max {
            return self.show(median);
        }
        format!("{} ({} to {})", self.show(median), self.show(min), self.show(max))
    }

    fn show(self, value: f64) -> String {
        let units: &[(f64, &str)] = match self {
            Self::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")],
            Self::Bytes => &[(1_048_576.0, "MiB")],
            Self::PerSecond => &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
        };
        let fits = units.iter().find(|(size, _)| value >= *size).or(units.last());
        let (size, name) = fits.copied().unwrap_or((1.0, ""));
        format!("{} {name}", significant(value / size))
    }
}

/// Three digits of it, all of them where there are more before the point.
fn significant(value: f64) -> String {
    let before_point = value.abs().max(1e-9).log10().floor() as i32 + 1;
    let decimals = usize::try_from(3 - before_point).unwrap_or(0).min(6);
    format!("{value:.decimals$}")
}
