//! Lists of IDs and addresses in files.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::ids::Ids;
use crate::event::{Address, pasted_id};
use crate::limits;
use crate::query::{Field, Pattern, Query, ValueSet};

/// What is on a list.
#[derive(Debug, Default, Args)]
pub(crate) struct WatchedArgs {
    /// One of the IDs in this file, one per line
    ///
    /// Message IDs or trace IDs; - for standard input.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// From or to one of the addresses in this file
    ///
    /// One address or pattern (*@far.example) per line; - for standard input.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    addresses_from: Option<PathBuf>,
}

impl WatchedArgs {
    /// Events with one of the IDs, as message ID or trace ID.
    pub(crate) fn ids(&self) -> anyhow::Result<Option<Query>> {
        let is_stdin = |it: &Option<PathBuf>| it.as_deref() == Some(Path::new("-"));
        // Whichever is read second would find it empty.
        anyhow::ensure!(
            !(is_stdin(&self.ids_from) && is_stdin(&self.addresses_from)),
            "--ids-from and --addresses-from cannot both read standard input"
        );
        let Some(path) = &self.ids_from else { return Ok(None) };
        let lines = lines_of(path, "--ids-from")?;
        let of_field = |field| {
            let ids = lines.iter().map(|it| pasted_id(it)).filter(|it| !it.is_empty());
            // A line that is no ID of one kind may be one of the other.
            let ids = ids.filter(|it| Pattern::parse(field, &literal(it)).is_ok());
            let ids: Vec<String> = ids.map(|it| literal(&it)).collect();
            let values = values_of(path, field, &ids)?;
            Ok::<_, anyhow::Error>(Pattern::one_of(field, values).query().clone())
        };
        Ok(Some(Query::or(vec![of_field(Field::MessageId)?, of_field(Field::TraceId)?])))
    }

    /// The addresses.
    pub(crate) fn addresses(&self) -> anyhow::Result<Option<ValueSet>> {
        self.addresses_from.as_deref().map(addresses_in).transpose()
    }

    /// Events with one of the IDs and one of the addresses.
    pub(crate) fn query(&self) -> anyhow::Result<Query> {
        let ids = self.ids()?.unwrap_or(Query::All);
        let Some(addresses) = self.addresses()? else { return Ok(ids) };
        let fields = [Field::From, Field::Sender, Field::To];
        let in_field = |field| Pattern::one_of(field, addresses.clone()).query().clone();
        Ok(Query::and(vec![ids, Query::or(fields.map(in_field).to_vec())]))
    }
}

/// The addresses and patterns in a file. A line may have several addresses.
pub(crate) fn addresses_in(path: &Path) -> anyhow::Result<ValueSet> {
    let mut addresses = Vec::new();
    for line in lines_of(path, "--addresses-from")? {
        anyhow::ensure!(
            !line.contains("**"),
            "{}: \"{line}\": a masked address names nobody",
            path.display()
        );
        // A pattern is not an address, so its line is taken whole.
        if line.contains('*') {
            addresses.push(line);
        } else {
            Address::each(line.into(), |it| addresses.push(it.logged().to_owned()));
        }
    }
    values_of(path, Field::To, &addresses)
}

/// A pattern that matches only a text itself.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

fn values_of(path: &Path, field: Field, lines: &[String]) -> anyhow::Result<ValueSet> {
    ValueSet::parse(field, lines.iter().map(String::as_str)).map_err(|(place, error)| {
        let line = lines.get(place).expect("`parse` names one of the lines");
        anyhow::anyhow!("{}: \"{line}\": {}", path.display(), error.kind)
    })
}

/// The lines of a file that are not empty.
fn lines_of(path: &Path, option: &str) -> anyhow::Result<Vec<String>> {
    let lines = Ids::open(Vec::new(), path, None)?.next_ids(limits::BATCH_IDS_MAX)?;
    anyhow::ensure!(!lines.is_empty(), "{option}: {} lists nothing", path.display());
    Ok(lines)
}
