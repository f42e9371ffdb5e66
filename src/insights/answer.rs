//! What a query gives back.

use super::value::{Value, number_in};

/// The rows that a query found, under the query's own names.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRows {
    /// The columns, in their order.
    pub columns: Vec<String>,
    /// A cell for each column of each row.
    pub rows: Vec<Vec<ResultCell>>,
    /// Rows that there are, beyond the limit too.
    pub row_count: u64,
    /// Events that the conditions on events hold for.
    pub records_matched: u64,
    /// Events of the time and the log groups that were asked about.
    pub records_scanned: u64,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultCell {
    Null,
    /// What `stats` has counted.
    Number(f64),
    /// Anything else, as Logs Insights writes it.
    Text(String),
}

/// Digits that a double holds exactly.
const EXACT_DIGITS: usize = 15;

impl ResultCell {
    pub(super) fn of(value: &Value<'_>, is_counted: bool) -> Self {
        let number = match value {
            Value::Number(it) => Some(*it),
            Value::Text(it) if it.len() <= EXACT_DIGITS => number_in(it),
            _ => None,
        };
        match number.filter(|_| is_counted) {
            Some(number) => Self::Number(number),
            None => value.shown().map_or(Self::Null, Self::Text),
        }
    }

    /// The text that stands for it; empty for nothing.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Number(it) => super::value::number_text(*it),
            Self::Text(it) => it.clone(),
        }
    }
}
