//! The shape of an answer, on request: its most frequent values, and when it happened.

use clap::Args;
use serde_json::{Map, Value};

use super::{Context, Format};
use crate::limits;
use crate::query::Field;
use crate::render::shape_json;
use crate::stats::{CountKey, Facet, Histogram};

/// What to count beside the answer.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ShapeArgs {
    /// Count the most frequent values of the answers, of these fields or of the usual ones
    #[arg(long, value_name = "FIELD,…", num_args = 0..=1, default_missing_value = "")]
    facets: Option<String>,
    /// Count the answers over time
    #[arg(long)]
    histogram: bool,
}

/// The shape of one answer.
#[derive(Default)]
pub(super) struct AnswerShape {
    pub(super) facets: Option<Vec<Facet>>,
    pub(super) histogram: Option<Option<Histogram>>,
}

impl AnswerShape {
    /// What a JSON document has of it: members behind its others, with the comma before each.
    pub(super) fn json_members(&self, context: &Context) -> String {
        let histogram = self.histogram.as_ref().map(Option::as_ref);
        let members: Map<String, Value> =
            shape_json(self.facets.as_deref(), histogram, &context.zone);
        let text = Value::Object(members).to_string();
        let inner = text.trim_start_matches('{').strip_suffix('}').unwrap_or_default();
        if inner.is_empty() { String::new() } else { format!(",{inner}") }
    }
}

impl ShapeArgs {
    /// Whether anything is to be counted. The formats that have a line or a row for each answer have
    /// no place for it.
    pub(super) fn check(&self, context: &Context) -> anyhow::Result<()> {
        let is_asked = self.facets.is_some() || self.histogram;
        let has_place = matches!(context.global.format, Format::Table | Format::Json);
        anyhow::ensure!(
            !is_asked || has_place,
            "--facets and --histogram go with --format table or json"
        );
        Ok(())
    }

    pub(super) fn has_histogram(&self) -> bool {
        self.histogram
    }

    /// Whether what stands behind `--facets` is no list of fields but the query.
    pub(super) fn query(&self, is_field: impl Fn(&str) -> bool) -> Option<&str> {
        let text = self.facets.as_deref().filter(|it| !it.is_empty())?;
        let is_list = text.split(',').all(|it| is_field(it.trim()));
        let has_query_signs = text.contains([':', ' ', '*', '"', '(', '@']);
        (!is_list && has_query_signs).then_some(text)
    }

    /// The fields of events to count.
    pub(super) fn fields(&self) -> anyhow::Result<Option<Vec<Field>>> {
        const USUAL: [Field; 6] =
            [Field::Event, Field::From, Field::To, Field::Rule, Field::Folder, Field::Status];
        let read = |name: &str| {
            Field::from_name(name).filter(|it| it.has_facets() && !it.is_of_rows()).ok_or_else(
                || {
                    let all = Field::ALL.iter().filter(|it| it.has_facets());
                    let all: Vec<&str> = all.map(|it| it.name()).collect();
                    anyhow::anyhow!("--facets: \"{name}\" is none of {}", all.join(", "))
                },
            )
        };
        self.read(&USUAL, Self::is_event_field, read)
    }

    /// The keys of messages to count by.
    pub(super) fn keys(&self) -> anyhow::Result<Option<Vec<CountKey>>> {
        const USUAL: [CountKey; 6] = [
            CountKey::Outcome,
            CountKey::SenderDomain,
            CountKey::RecipientDomain,
            CountKey::Folder,
            CountKey::Cause,
            CountKey::Rule,
        ];
        let read = |name: &str| {
            key_of(name).ok_or_else(|| {
                let all = CountKey::GROUPED.map(CountKey::as_str).join(", ");
                anyhow::anyhow!("--facets: \"{name}\" is none of {all}")
            })
        };
        self.read(&USUAL, Self::is_key, read)
    }

    pub(super) fn is_event_field(name: &str) -> bool {
        Field::from_name(name).is_some()
    }

    pub(super) fn is_key(name: &str) -> bool {
        key_of(name).is_some()
    }

    fn read<T: Clone>(
        &self,
        usual: &[T],
        is_field: impl Fn(&str) -> bool,
        read: impl Fn(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<Vec<T>>> {
        let Some(text) = &self.facets else { return Ok(None) };
        if text.is_empty() || self.query(is_field).is_some() {
            return Ok(Some(usual.to_vec()));
        }
        let fields = text.split(',').map(|it| read(it.trim()));
        let fields: Vec<T> = fields.collect::<anyhow::Result<_>>()?;
        let most = limits::FACET_FIELDS_MAX;
        anyhow::ensure!(fields.len() <= most, "--facets: at most {most} fields");
        Ok(Some(fields))
    }
}

/// The key that counts by a field, also by the name that queries have for it.
fn key_of(name: &str) -> Option<CountKey> {
    let key = CountKey::from_name(match name {
        "from" => "sender",
        "to" => "recipient",
        "recipients" => "recipient-count",
        it => it,
    });
    key.filter(|it| CountKey::GROUPED.contains(it))
}
