//! Facets: values that narrow a question, or are excluded from it, with one click.

use super::words::{Badge, counted, grouped, share};
use crate::limits;
use crate::query::{AccessField, Field, Pattern, Query};
use crate::render::fit;
use crate::serve::Parameters;
use crate::stats::Facet;
use crate::trace::Outcome;

/// The most frequent values of one field.
#[derive(Clone, Debug)]
pub(super) struct FacetView {
    pub(super) title: String,
    pub(super) values: Vec<FacetValue>,
    /// The number of values that are not shown.
    pub(super) more: Option<String>,
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct FacetValue {
    pub(super) label: String,
    pub(super) class: &'static str,
    pub(super) count: String,
    /// Its share, as SVG takes a width.
    pub(super) share: String,
    /// Links to the question narrowed to the value, and to the question without it; `None` if no
    /// query can express it.
    pub(super) only: Option<String>,
    pub(super) without: Option<String>,
}

impl FacetView {
    /// Shows a facet of audit events as links that narrow the question of `parameters`.
    pub(super) fn of_access(facet: &Facet, parameters: &Parameters) -> Self {
        let field = AccessField::from_name(&facet.field).map(Field::Access);
        Self::of_field(facet, field, "access", parameters)
    }

    /// Shows a facet as links that narrow the question of `parameters`.
    pub(super) fn of(facet: &Facet, page: &str, parameters: &Parameters) -> Self {
        Self::of_field(facet, field_of(&facet.field), page, parameters)
    }

    fn of_field(facet: &Facet, field: Option<Field>, page: &str, parameters: &Parameters) -> Self {
        let most = facet.values.iter().map(|it| it.1).max().unwrap_or(1).max(1);
        let values = facet.values.iter().take(limits::FACET_ROWS).map(|(value, count)| {
            let term = field.and_then(|it| term(it, value.as_deref()));
            let link = |is_without| {
                let term = term.as_deref()?;
                Some(format!("{page}?{}", narrowed(parameters, term, is_without)))
            };
            let outcome = value.as_deref().filter(|_| facet.field == "outcome");
            let outcome =
                outcome.and_then(|word| Outcome::ALL.into_iter().find(|it| it.as_str() == word));
            let label = value.as_deref().filter(|it| !it.is_empty()).unwrap_or("(none)");
            FacetValue {
                label: fit(label, LABEL_COLUMNS),
                class: outcome.map_or("", |it| Badge::of_recipient(it).class),
                count: grouped(*count),
                share: share(*count, most),
                only: link(false),
                without: link(true),
            }
        });
        let values: Vec<FacetValue> = values.collect();
        let more = facet.value_count.saturating_sub(values.len());
        Self {
            title: title(&facet.field),
            more: (more > 0).then(|| counted(more as u64, "more value", "more values")),
            values,
        }
    }
}

/// Columns for a value.
const LABEL_COLUMNS: usize = 80;

fn title(field: &str) -> String {
    let words = field.replace('-', " ");
    match words.as_str() {
        "sender" | "from" => "From".to_owned(),
        "recipient" | "to" => "To".to_owned(),
        words => {
            let mut characters = words.chars();
            let first = characters.next().map(|it| it.to_ascii_uppercase());
            first.into_iter().chain(characters).collect()
        }
    }
}

/// Returns the query field that a facet counts.
fn field_of(name: &str) -> Option<Field> {
    Field::from_name(match name {
        "sender" => "from",
        "recipient" => "to",
        it => it,
    })
}

/// Returns the query for exactly this value, or for its absence.
fn term(field: Field, value: Option<&str>) -> Option<String> {
    let Some(value) = value.filter(|it| !it.is_empty()) else {
        // An empty value cannot be written as a term; "has none" says the same.
        return Some(Query::negated(Query::has(field)).to_string());
    };
    if value.len() > limits::TERM_BYTES_MAX {
        return None;
    }
    let pattern = Pattern::parse(field, &literal(value)).ok()?;
    Some(pattern.query().to_string())
}

/// Escapes a text so that as a pattern it matches itself alone.
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\' | '/') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Adds a term to a question, or excludes what the term finds.
fn narrowed(parameters: &Parameters, term: &str, is_without: bool) -> Parameters {
    // Parentheses only where precedence needs them: people read and edit this query. A double
    // negation is dropped for the same reason.
    let term = match (is_without, term.strip_prefix("NOT ")) {
        (true, Some(inner)) => inner.to_owned(),
        (true, None) if term.contains(" OR ") || term.contains(" AND ") => format!("NOT ({term})"),
        (true, None) => format!("NOT {term}"),
        (false, _) if term.contains(" OR ") => format!("({term})"),
        (false, _) => term.to_owned(),
    };
    let before = parameters.text("q").trim();
    let text = match before {
        "" | "*" => term,
        // Clicked before: the term is in the query already.
        _ if before.split(" AND ").any(|it| it == term) => before.to_owned(),
        _ if before.contains(" OR ") => format!("({before}) AND {term}"),
        _ => format!("{before} AND {term}"),
    };
    // A cursor is a position in the old list and means nothing in the new one.
    parameters.without("q").without("cursor").with("q", &text)
}

/// Returns the link to messages with a value in a field.
pub(super) fn narrowed_to(field: &str, value: Option<&str>) -> Option<String> {
    narrowed_from(&Parameters::default(), field, value)
}

/// Returns the link to the messages of a question that have a value in a field.
pub(super) fn narrowed_from(
    parameters: &Parameters,
    field: &str,
    value: Option<&str>,
) -> Option<String> {
    let term = term(Field::from_name(field)?, value)?;
    Some(format!("messages?{}", narrowed(parameters, &term, false)))
}

/// Maximum number of addresses of a person in a link: nobody reads longer queries.
const ADDRESSES_ASKED: usize = 20;

/// Returns the link to messages that one of the addresses sent or received.
pub(super) fn with_addresses<'a>(addresses: impl Iterator<Item = &'a str>) -> Option<String> {
    let terms = addresses.take(ADDRESSES_ASKED).filter_map(|it| term(Field::Address, Some(it)));
    let terms: Vec<String> = terms.collect();
    let question = Parameters::default().with("q", &terms.join(" OR "));
    (!terms.is_empty()).then(|| format!("messages?{question}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Language;
    use crate::time::{Timestamp, Zone};

    fn parsed(text: &str) -> Query {
        Language::of_rows(Timestamp::UNIX_EPOCH, &Zone::UTC).parse(text).unwrap()
    }

    #[test]
    fn a_value_narrows_and_leaves_out() {
        let facet = Facet {
            field: "folder".to_owned(),
            values: vec![(Some("A \"b\" (c) OR * d".to_owned()), 3), (None, 1)],
            value_count: 5,
            total: 9,
        };
        let question = Parameters::default().with("q", "from:a@x OR to:b@x").with("cursor", "1");
        let view = FacetView::of(&facet, "messages", &question);
        for value in &view.values {
            let read = |href: &Option<String>| {
                let (_, parameters) = href.as_deref().unwrap().split_once('?').unwrap();
                let parameters = Parameters::parse(parameters).unwrap();
                assert_eq!(parameters.get("cursor"), None);
                parsed(parameters.get("q").unwrap())
            };
            let (only, without) = (read(&value.only), read(&value.without));
            let (Query::And(only), Query::And(without)) = (only, without) else { panic!() };
            assert_eq!(only.len(), 2);
            assert_eq!(Query::negated(without[1].clone()).to_string(), only[1].to_string());
        }
        assert_eq!(view.more.as_deref(), Some("3 more values"));
    }

    #[test]
    fn a_term_is_added_once() {
        let once = narrowed(&Parameters::default(), "folder:INBOX", false);
        assert_eq!(narrowed(&once, "folder:INBOX", false), once);
    }
}
