//! Aligned columns for people.
//!
//! Values that people copy (IDs, addresses, times) are never cut or broken: their column keeps its
//! width, and a row wider than the terminal is left for the terminal to wrap. Only prose is
//! wrapped, at blanks, and only subjects and the like are shortened.

use std::io::{self, Write};

use anstyle::Style;

use super::address::Marked;
use super::sanitise::{columns, fit};
use super::style::{PLAIN, STRONG};
use crate::limits;
use crate::time::Zone;

/// The options of tables for people.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// The time zone of the output.
    pub zone: Zone,
    /// True if every recipient and every step is listed, however many there are.
    pub lists_all: bool,
}

impl TableOptions {
    /// The width if there is no terminal to ask.
    pub const WIDTH_DEFAULT: usize = 100;
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { width: Self::WIDTH_DEFAULT, zone: Zone::UTC, lists_all: false }
    }
}

/// Cells wider than this stick out of their column instead of widening it for all rows.
const COLUMN_WIDTH_MAX: usize = 48;
/// The minimum width of a shortened column.
const SHORTENED_WIDTH_MIN: usize = 16;
/// Prose in a column narrower than this goes beneath its row instead.
const WRAPPED_WIDTH_MIN: usize = 24;
/// Blanks between two columns.
const GAP: usize = 2;

/// A column: its title, and the way in which its text yields on a narrow terminal.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    kind: Kind,
    is_optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Number,
    Shortened,
    Wrapped,
    Beneath,
}

impl Kind {
    /// True if such a column may go beneath its row.
    fn is_prose(self) -> bool {
        matches!(self, Self::Wrapped | Self::Beneath)
    }
}

impl Column {
    /// Makes a column of text that people copy: never cut, never broken.
    #[must_use]
    pub const fn whole(title: &'static str) -> Self {
        Self { title, kind: Kind::Whole, is_optional: false }
    }

    /// Makes a column of numbers: like [`Column::whole`], and right-aligned.
    #[must_use]
    pub const fn number(title: &'static str) -> Self {
        Self { title, kind: Kind::Number, is_optional: false }
    }

    /// Makes a column of text whose beginning says enough: cut with an ellipsis if space is short.
    #[must_use]
    pub const fn shortened(title: &'static str) -> Self {
        Self { title, kind: Kind::Shortened, is_optional: false }
    }

    /// Makes a last column of prose: wrapped at blanks, and beneath the row if space is short.
    #[must_use]
    pub const fn wrapped(title: &'static str) -> Self {
        Self { title, kind: Kind::Wrapped, is_optional: false }
    }

    /// Makes a last column of prose that is always beneath its row, without a title.
    #[must_use]
    pub const fn beneath() -> Self {
        Self { title: "", kind: Kind::Beneath, is_optional: false }
    }

    /// Makes the column one that is left out if space is short.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

/// A sanitised text in a table, with its colour.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
    /// The source from which a shorter text is made if need be.
    marked: Option<Marked>,
}

impl Cell {
    /// Makes a cell without colour.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::styled(text, PLAIN)
    }

    /// Makes a cell with a colour.
    #[must_use]
    pub fn styled(text: &str, style: Style) -> Self {
        // Sanitised on the way in, so that no path to the terminal can forget it.
        Self { text: fit(text, limits::TABLE_TEXT_COLUMNS_MAX), style, marked: None }
    }

    /// Makes a cell without colour, whose marks stay when it is cut.
    #[must_use]
    pub fn marked(marked: Marked) -> Self {
        Self::marked_and_styled(marked, PLAIN)
    }

    /// Makes a cell with a colour, whose marks stay when it is cut.
    #[must_use]
    pub fn marked_and_styled(marked: Marked, style: Style) -> Self {
        Self { text: marked.to_string(), style, marked: Some(marked) }
    }

    fn fit(&self, width: usize) -> String {
        self.marked.as_ref().map_or_else(|| fit(&self.text, width), |it| it.fit(width))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

/// A table with titles. Columns that are empty in every row are left out.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    titles: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// Makes a table without rows.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let columns: Vec<Column> = columns.into_iter().collect();
        let titles = columns.iter().map(|it| Cell::styled(it.title, STRONG)).collect();
        Self { columns, titles, rows: Vec::new(), indent: 0 }
    }

    /// Replaces the titles by some that are known only at run time.
    #[must_use]
    pub fn titled<'t>(self, titles: impl IntoIterator<Item = &'t str>) -> Self {
        let titles = titles.into_iter().map(|it| Cell::styled(it, STRONG)).collect();
        Self { titles, ..self }
    }

    /// Indents the table by `indent` columns.
    #[must_use]
    pub fn indented(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row, with one cell for each column.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// True if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Draws the table for a terminal of `width` columns.
    pub fn write(&self, width: usize, out: &mut dyn Write) -> io::Result<()> {
        // comfy-table measures escape sequences as text and breaks long words, hence a layout of
        // our own.
        let layout = self.layout(width.saturating_sub(self.indent));
        if self.titles.iter().any(|it| !it.text.is_empty()) {
            self.write_row(&self.titles, &layout, true, out)?;
        }
        self.rows.iter().try_for_each(|row| self.write_row(row, &layout, false, out))
    }

    /// Decides which columns are shown, and how wide they are.
    fn layout(&self, width: usize) -> Layout {
        let mut shown: Vec<Shown> = self
            .columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| {
                let cells = || self.rows.iter().filter_map(|row| row.get(index));
                let widest = cells().map(|it| columns(&it.text)).max().unwrap_or(0);
                let longest_word = cells().map(|it| longest_word(&it.text)).max().unwrap_or(0);
                let title = self.titles.get(index).map_or(0, |it| columns(&it.text));
                let natural = widest.max(title);
                let is_prose = column.kind == Kind::Shortened || column.kind.is_prose();
                let kept = if is_prose { natural } else { natural.min(COLUMN_WIDTH_MAX) };
                // A table without rows keeps its titles.
                (widest > 0 || self.rows.is_empty()).then_some(Shown {
                    index,
                    column: *column,
                    width: kept,
                    least: match column.kind {
                        Kind::Whole | Kind::Number => kept,
                        Kind::Shortened => natural.min(SHORTENED_WIDTH_MIN),
                        Kind::Wrapped => natural.min(longest_word.max(WRAPPED_WIDTH_MIN)),
                        // Wider than the terminal, so that no layout beside the other columns fits.
                        Kind::Beneath => width.saturating_add(1),
                    },
                })
            })
            .collect();
        // Dropping one optional column is preferred to prose beneath its row, and that to dropping
        // more of them.
        let optional_count = shown.iter().filter(|it| it.column.is_optional).count();
        let beside = (0..=optional_count.min(1)).map(|dropped| (dropped, false));
        let mut ways = beside.chain((0..=optional_count).map(|dropped| (dropped, true)));
        let (dropped, is_beneath) = ways
            .find(|(dropped, is_beneath)| needed(&shown, *dropped, *is_beneath) <= width)
            // Even the narrowest layout is too wide: lines run over, as nothing may be cut.
            .unwrap_or((optional_count, true));
        let mut left_out = 0;
        shown.retain(|it| {
            let is_out = it.column.is_optional && left_out < dropped;
            left_out += usize::from(is_out);
            !is_out
        });
        // Prose can only be the last column.
        let beneath = shown.pop_if(|it| is_beneath && it.column.kind.is_prose()).map(|it| it.index);
        share(&mut shown, width);
        Layout { shown, beneath, width }
    }

    fn write_row(
        &self,
        row: &[Cell],
        layout: &Layout,
        is_title: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut line = TableLine::new(self.indent);
        let mut wrapped_lines = Vec::new();
        let mut start = self.indent;
        for shown in &layout.shown {
            let Some(cell) = row.get(shown.index) else { continue };
            line.skip_to(start);
            match shown.column.kind {
                Kind::Whole => line.push(&cell.text, cell.style),
                Kind::Number => {
                    // A number wider than its column extends to the left as far as the text before
                    // it allows.
                    line.skip_to((start + shown.width).saturating_sub(columns(&cell.text)));
                    line.push(&cell.text, cell.style);
                }
                Kind::Shortened => line.push(&cell.fit(shown.width), cell.style),
                Kind::Wrapped | Kind::Beneath => {
                    let mut lines = wrap(&cell.text, shown.width).into_iter();
                    line.push(lines.next().as_deref().unwrap_or(""), cell.style);
                    wrapped_lines = lines.map(|it| (start, it, cell.style)).collect();
                }
            }
            start += shown.width + GAP;
        }
        // Titles have nothing beneath: one for prose would separate the titles from the rows.
        if let Some(cell) = layout.beneath.and_then(|it| row.get(it)).filter(|_| !is_title) {
            let indent = self.indent + 2 * GAP;
            let room = layout.width.saturating_sub(2 * GAP).max(WRAPPED_WIDTH_MIN);
            wrapped_lines =
                wrap(&cell.text, room).into_iter().map(|it| (indent, it, cell.style)).collect();
        }
        line.write(out)?;
        for (indent, text, style) in wrapped_lines.iter().filter(|(_, it, _)| !it.is_empty()) {
            let mut line = TableLine::new(*indent);
            line.push(text, *style);
            line.write(out)?;
        }
        Ok(())
    }
}

struct Layout {
    shown: Vec<Shown>,
    /// The column that goes beneath each row.
    beneath: Option<usize>,
    width: usize,
}

struct Shown {
    index: usize,
    column: Column,
    width: usize,
    least: usize,
}

/// Returns the minimum width of the columns without the first `dropped` optional ones, and without
/// the prose if that goes beneath.
fn needed(shown: &[Shown], dropped: usize, is_beneath: bool) -> usize {
    let optional = shown.iter().filter(|it| it.column.is_optional).take(dropped);
    let prose = shown.last().filter(|it| is_beneath && it.column.kind.is_prose());
    let out: usize = optional.chain(prose).map(|it| it.least + GAP).sum();
    let all: usize = shown.iter().map(|it| it.least + GAP).sum();
    all.saturating_sub(out + GAP)
}

/// Narrows the widest column until all fit, or none can yield more.
fn share(shown: &mut [Shown], width: usize) {
    loop {
        // One by one, so that columns become even before any of them reaches its minimum.
        let total = shown.iter().map(|it| it.width + GAP).sum::<usize>().saturating_sub(GAP);
        let widest = shown.iter_mut().filter(|it| it.width > it.least).max_by_key(|it| it.width);
        match widest {
            Some(it) if total > width => it.width -= 1,
            _ => return,
        }
    }
}

/// A line under construction, which tracks how far it has come.
struct TableLine {
    styled: String,
    used: usize,
    wanted: usize,
}

impl TableLine {
    fn new(indent: usize) -> Self {
        Self { styled: String::new(), used: 0, wanted: indent }
    }

    /// Continues at column `start`, or after a gap if the line is already beyond it.
    fn skip_to(&mut self, start: usize) {
        let after = if self.used == 0 { 0 } else { self.used + GAP };
        self.wanted = start.max(after);
    }

    fn push(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        // Blanks are written only before text, so that no line ends in them.
        self.styled.extend(std::iter::repeat_n(' ', self.wanted.saturating_sub(self.used)));
        self.styled.push_str(&format!("{style}{text}{style:#}"));
        // Counted without the escape sequences, which take no columns.
        self.used = self.wanted.max(self.used) + columns(text);
        self.wanted = self.used;
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.styled)
    }
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(columns).max().unwrap_or(0)
}

/// Breaks a sanitised text into lines at blanks. A word wider than `width` stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    wrap_hanging(text, width, 0)
}

/// Does the same as [`wrap`], with `indent` columns less for all lines but the first.
pub(super) fn wrap_hanging(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|it| !it.is_empty()) {
        let room = if lines.is_empty() { width } else { width.saturating_sub(indent) };
        if !line.is_empty() && columns(&line) + 1 + columns(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Writes names and values in two aligned columns. Values break at blanks only, so that an ID wider
/// than the terminal stays in one piece.
pub fn write_pairs(
    pairs: &[(&'static str, String)],
    indent: usize,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names = pairs.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    let start = indent + names + GAP;
    for (name, value) in pairs {
        let mut name = *name;
        for part in wrap(&fit(value, limits::TABLE_TEXT_COLUMNS_MAX), width.saturating_sub(start)) {
            let mut line = TableLine::new(indent);
            line.push(name, STRONG);
            line.skip_to(start);
            line.push(&part, PLAIN);
            line.write(out)?;
            name = "";
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
