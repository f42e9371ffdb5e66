//! The answer to a query.

use super::value::{Value, number_in};

/// The rows that a query found, under the query's own names.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRows {
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// A cell for each column of each row.
    pub rows: Vec<Vec<ResultCell>>,
    /// The number of rows, also beyond the limit.
    pub row_count: u64,
    /// The number of events that meet the conditions on events.
    pub records_matched: u64,
    /// The number of events within the requested time and log groups.
    pub records_scanned: u64,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultCell {
    Null,
    /// A number that `stats` counted.
    Number(f64),
    /// Any other value, as Logs Insights writes it.
    Text(String),
}

/// The number of decimal digits that a double holds exactly.
const EXACT_DIGITS: usize = 15;

impl ResultCell {
    pub(super) fn of(value: &Value<'_>, is_counted: bool) -> Self {
        let number = match value {
            Value::Number(it) => Some(*it),
            // A longer number, such as an ID, would lose digits as a double and so stays a text.
            Value::Text(it) if it.len() <= EXACT_DIGITS => number_in(it),
            _ => None,
        };
        match number.filter(|_| is_counted) {
            Some(number) => Self::Number(number),
            None => value.shown().map_or(Self::Null, Self::Text),
        }
    }

    /// The text to show; empty for `Null`.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Number(it) => super::value::number_text(*it),
            Self::Text(it) => it.clone(),
        }
    }
}
