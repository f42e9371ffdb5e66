//! Entries of the directory, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::sanitise::sanitise;
use super::table::{Cell, Column, Table, TableOptions, write_pairs};
use crate::directory::{Directory, EntityKind, EntityState, Member};
use crate::time::{Timestamp, Zone};

/// Entities of a directory as of an instant.
pub struct DirectoryAnswer<'d> {
    /// The directory, in which members are looked up.
    pub directory: &'d Directory,
    /// The instant.
    pub at: Timestamp,
    /// The entities.
    pub found: Vec<EntityState<'d>>,
    /// The time zone of the output.
    pub zone: Zone,
}

impl<'d> DirectoryAnswer<'d> {
    /// Selects the entities that `who` means, or all, of one kind or of each.
    #[must_use]
    pub fn of(
        directory: &'d Directory,
        (who, kind): (Option<&str>, Option<EntityKind>),
        at: Timestamp,
        zone: Zone,
    ) -> Self {
        let mut found = match who {
            Some(who) => directory.find(who, at),
            None => directory.all(at),
        };
        found.retain(|it| kind.is_none_or(|kind| it.entity.kind == kind));
        Self { directory, at, found, zone }
    }

    /// Returns the label of an ID's owner.
    pub fn label(&self, id: &str) -> Option<String> {
        self.directory.person(id, self.at).map(|it| it.label().to_owned())
    }

    fn to_json(&self, known: &EntityState<'_>) -> Value {
        let entity = known.entity;
        let people = |members: &[Member]| {
            let member = |it: &Member| json!({"id": it.id, "type": it.r#type, "name": it.name, "address": self.label(&it.id)});
            members.iter().map(member).collect::<Vec<_>>()
        };
        let permissions = entity.permissions.iter().map(|it| {
            json!({"id": it.id, "type": it.r#type, "address": self.label(&it.id), "values": it.values})
        });
        json!({
            "kind": entity.kind.as_str(),
            "id": entity.id,
            "organization": known.organization,
            "address": entity.address,
            "name": entity.name,
            "displayName": entity.display_name,
            "state": entity.state,
            "role": entity.role,
            "aliases": entity.aliases,
            "members": people(&entity.members),
            "delegates": people(&entity.delegates),
            "permissions": permissions.collect::<Vec<_>>(),
            "enabledAt": entity.enabled_at,
            "disabledAt": entity.disabled_at,
            "since": known.since.in_zone(&self.zone),
            "until": known.until.map(|it| it.in_zone(&self.zone)),
            "isGone": known.is_gone,
        })
    }
}

/// A row for each entity. For people, a single entity is shown with all details.
impl Answer for DirectoryAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        match self.found.as_slice() {
            [] => return Ok(()),
            [only] => return write_pairs(&facts_of(self, only), 0, options.width, out),
            _ => {}
        }
        let mut table = Table::new([
            Column::whole("KIND"),
            Column::whole("ADDRESS"),
            Column::shortened("NAME"),
            Column::whole("STATE"),
            Column::shortened("MORE"),
            Column::whole("ID"),
        ]);
        for known in &self.found {
            let entity = known.entity;
            let name = entity.display_name.as_ref().or(entity.name.as_ref());
            table.push([
                Cell::new(entity.kind.as_str()),
                Cell::new(entity.address.as_deref().unwrap_or("-")),
                Cell::new(name.map_or("", |it| it)),
                Cell::new(&entity_state(known)),
                Cell::new(&entity_counts(known)),
                Cell::new(&entity.id),
            ]);
        }
        table.write(options.width, out)
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let behind = [
            ("total", json!(self.found.len())),
            ("at", json!(self.at.in_zone(&self.zone))),
            ("takenAt", json!(self.directory.last_taken().map(|it| it.in_zone(&self.zone)))),
        ];
        out.list(&[], "directory", self.found.iter().map(|it| self.to_json(it)), &behind)
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        const HEADER: [&str; 10] = [
            "kind",
            "id",
            "address",
            "name",
            "displayName",
            "state",
            "aliases",
            "members",
            "since",
            "until",
        ];
        let rows = self.found.iter().map(|known| {
            let entity = known.entity;
            let members = entity.members.iter();
            let members = members.map(|it| self.label(&it.id).unwrap_or_else(|| it.id.clone()));
            let text = |it: &Option<String>| csv_cell(it.as_deref().unwrap_or(""));
            [
                entity.kind.as_str().to_owned(),
                csv_cell(&entity.id),
                text(&entity.address),
                text(&entity.name),
                text(&entity.display_name),
                csv_cell(&entity_state(known)),
                csv_cell(&entity.aliases.join(" ")),
                csv_cell(&members.collect::<Vec<_>>().join(" ")),
                known.since.in_zone(&self.zone),
                known.until.map_or_else(String::new, |it| it.in_zone(&self.zone)),
            ]
        });
        write_csv(HEADER, rows, out)
    }
}

/// Returns the state of an entity, such as enabled or gone.
pub fn entity_state(known: &EntityState<'_>) -> String {
    if known.is_gone { "gone".to_owned() } else { known.entity.state.to_lowercase() }
}

/// Describes how many aliases, members and others an entity has.
pub fn entity_counts(known: &EntityState<'_>) -> String {
    let counts = [
        (known.entity.aliases.len(), "alias", "aliases"),
        (known.entity.members.len(), "member", "members"),
        (known.entity.delegates.len(), "delegate", "delegates"),
        (known.entity.permissions.len(), "permission", "permissions"),
    ];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    let words =
        counts.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    words.collect::<Vec<_>>().join(", ")
}

/// Maximum number of people that are listed for one entity.
const LISTED_MAX: usize = 50;

/// Returns all facts about one entity except the people that it names.
pub fn entity_facts(
    answer: &DirectoryAnswer<'_>,
    known: &EntityState<'_>,
) -> Vec<(&'static str, String)> {
    let people = ["Members", "Delegates", "Permissions"];
    facts_of(answer, known).into_iter().filter(|(name, _)| !people.contains(name)).collect()
}

fn facts_of(answer: &DirectoryAnswer<'_>, known: &EntityState<'_>) -> Vec<(&'static str, String)> {
    let entity = known.entity;
    let shown = |it: Timestamp| it.in_zone(&answer.zone);
    let mut facts = vec![("Kind", entity.kind.to_string()), ("ID", entity.id.clone())];
    let mut add = |name: &'static str, value: Option<String>| {
        facts
            .extend(value.filter(|it| !it.is_empty()).map(|it| (name, sanitise(&it).into_owned())));
    };
    let listed = |all: Vec<String>| {
        let more = all.len().saturating_sub(LISTED_MAX);
        let mut text = all.into_iter().take(LISTED_MAX).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(", and {more} more"));
        }
        Some(text)
    };
    let label = |id: &str| match answer.label(id) {
        Some(label) if label != id => format!("{label} ({id})"),
        _ => id.to_owned(),
    };
    let people = |members: &[Member]| listed(members.iter().map(|it| label(&it.id)).collect());
    add("Address", entity.address.clone());
    add("Aliases", listed(entity.aliases.clone()));
    add("Display name", entity.display_name.clone());
    add("Name", entity.name.clone());
    add("State", Some(entity_state(known)));
    add("Role", entity.role.clone());
    add("Members", people(&entity.members));
    add("Delegates", people(&entity.delegates));
    let permissions = entity.permissions.iter();
    let permissions =
        permissions.map(|it| format!("{}: {}", label(&it.id), it.values.join(" "))).collect();
    add("Permissions", listed(permissions));
    add("Enabled at", entity.enabled_at.clone());
    add("Disabled at", entity.disabled_at.clone());
    add("Organization", Some(known.organization.to_owned()));
    add("Known since", Some(shown(known.since)));
    let end = if known.is_gone { "Gone since" } else { "Changed at" };
    add(end, known.until.map(shown));
    facts
}
