//! The shape of an answer, on request: its most frequent values, and its distribution over time.

use clap::Args;

use crate::access::AccessKey;
use crate::cli::context::Context;
use crate::limits;
use crate::query::Field;
use crate::render::AnswerFormat;
use crate::stats::CountKey;

/// What to count beside the answer.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ShapeArgs {
    /// Count the most frequent values of what is found
    ///
    /// Of these fields, or of the usual ones. CSV then has the counts only.
    #[arg(long, hide_short_help = true, value_name = "FIELD,…", num_args = 0..=1, default_missing_value = "")]
    facets: Option<String>,
    /// Count what is found over time
    #[arg(long, hide_short_help = true)]
    histogram: bool,
}

impl ShapeArgs {
    /// True if the counts replace the list: CSV can have only one table.
    pub(crate) fn replaces_list(&self, context: &Context) -> bool {
        (self.facets.is_some() || self.histogram) && context.global.format == AnswerFormat::Csv
    }

    pub(crate) fn has_histogram(&self) -> bool {
        self.histogram
    }

    /// The value of `--facets` if it is no list of fields but the query.
    pub(crate) fn query(&self, is_field: impl Fn(&str) -> bool) -> Option<&str> {
        let text = self.facets.as_deref().filter(|it| !it.is_empty())?;
        let is_list = text.split(',').all(|it| is_field(it.trim()));
        // A word without such a sign is a misspelt field, and deserves that error.
        let has_query_signs = text.contains([':', ' ', '*', '"', '(', '@']);
        (!is_list && has_query_signs).then_some(text)
    }

    /// The fields of events to count.
    pub(crate) fn fields(&self) -> anyhow::Result<Option<Vec<Field>>> {
        const USUAL: [Field; 6] =
            [Field::Event, Field::From, Field::To, Field::Rule, Field::Folder, Field::Status];
        let read = |name: &str| {
            Field::from_name(name).filter(|it| it.has_facets() && !it.is_of_rows()).ok_or_else(
                || {
                    let all = Field::ALL.iter().filter(|it| it.has_facets());
                    let all: Vec<&str> = all.map(|it| it.name()).collect();
                    anyhow::anyhow!("--facets: \"{name}\" is not one of {}", all.join(", "))
                },
            )
        };
        self.read(&USUAL, Self::is_event_field, read)
    }

    /// The keys of messages to count by.
    pub(crate) fn keys(&self) -> anyhow::Result<Option<Vec<CountKey>>> {
        let read = |name: &str| {
            key_of(name).ok_or_else(|| {
                let all = CountKey::GROUPED.map(CountKey::as_str).join(", ");
                anyhow::anyhow!("--facets: \"{name}\" is not one of {all}")
            })
        };
        self.read(&CountKey::USUAL_FACETS, Self::is_key, read)
    }

    /// The keys of audit events to count by.
    pub(crate) fn access_keys(&self) -> anyhow::Result<Option<Vec<AccessKey>>> {
        let read = |name: &str| {
            AccessKey::from_name(name).ok_or_else(|| {
                let all = AccessKey::ALL.map(AccessKey::as_str).join(", ");
                anyhow::anyhow!("--facets: \"{name}\" is not one of {all}")
            })
        };
        let is_key = |it: &str| AccessKey::from_name(it).is_some();
        self.read(&AccessKey::USUAL_FACETS, is_key, read)
    }

    pub(crate) fn is_event_field(name: &str) -> bool {
        Field::from_name(name).is_some()
    }

    pub(crate) fn is_key(name: &str) -> bool {
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

/// The key that counts by a field, also under the field's name in queries.
fn key_of(name: &str) -> Option<CountKey> {
    let key = CountKey::from_name(match name {
        "from" => "sender",
        "to" => "recipient",
        "recipients" => "recipient-count",
        it => it,
    });
    key.filter(|it| CountKey::GROUPED.contains(it))
}
