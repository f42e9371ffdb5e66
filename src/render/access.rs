//! Audit events, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter, Part, write_csv, write_csv_rows};
use super::csv::csv_cell;
use super::group_row::{COUNT_NAMES, LabelledGroup, NO_VALUE, group_columns};
use super::json::{Original, original};
use super::style::{BAD, FAINT, GOOD, PLAIN};
use super::table::{Cell, Column, Table, TableOptions};
use crate::access::{AccessEvent, AccessGroup, AccessGroups, AccessKey, People};
use crate::audit::{AuditField, AuditType, Flag};
use crate::time::Zone;

/// The JSON of one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessJson<'e> {
    timestamp: String,
    #[serde(rename = "type")]
    kind: &'static str,
    user: Option<&'e str>,
    user_id: Option<&'e str>,
    user_name: Option<&'e str>,
    owner: Option<&'e str>,
    owner_id: Option<&'e str>,
    impersonator_id: Option<&'e str>,
    protocol: Option<&'e str>,
    ip: Option<&'e str>,
    agent: Option<&'e str>,
    action: Option<&'e str>,
    object_type: Option<&'e str>,
    item_id: Option<&'e str>,
    folder_path: Option<&'e str>,
    folder_id: Option<&'e str>,
    attachment_path: Option<&'e str>,
    allowed: Value,
    reason: Option<&'e str>,
    scope: Option<&'e str>,
    rule_id: Option<&'e str>,
    token: Option<&'e str>,
    token_id: Option<&'e str>,
    request_id: Option<&'e str>,
    organization: Option<&'e str>,
    log_group: Option<&'e str>,
    log_stream: Option<&'e str>,
    event_id: Option<&'e str>,
    message: Original<'e>,
}

/// Returns who did it: the address if that is known, or else the name or the ID.
pub fn access_user<'e>(event: &'e AccessEvent, people: &'e People) -> Option<&'e str> {
    match event.event.get(AuditField::UserId) {
        // As of the event: an address that changed hands counts for its owner at the time.
        Some(id) => people.who(id, event.at()).or(event.event.get(AuditField::User)).or(Some(id)),
        None => event.event.get(AuditField::User),
    }
}

/// Returns the owner of the mailbox, likewise.
pub fn access_owner<'e>(event: &'e AccessEvent, people: &'e People) -> Option<&'e str> {
    let id = event.event.get(AuditField::OwnerId)?;
    Some(people.who(id, event.at()).unwrap_or(id))
}

/// Returns `true`, `false`, or the logged text; null if the event does not say.
fn allowed_json(event: &AccessEvent) -> Value {
    match event.event.allowed() {
        None => Value::Null,
        Some(Flag::Yes) => json!(true),
        Some(Flag::No) => json!(false),
        Some(Flag::Other(text)) => json!(text),
    }
}

impl<'e> AccessJson<'e> {
    fn new(event: &'e AccessEvent, people: &'e People, zone: &Zone) -> Self {
        let get = |field| event.event.get(field);
        Self {
            timestamp: event.at().in_zone(zone),
            kind: event.event.kind.as_str(),
            user: access_user(event, people),
            user_id: get(AuditField::UserId),
            user_name: get(AuditField::User),
            owner: access_owner(event, people),
            owner_id: get(AuditField::OwnerId),
            impersonator_id: get(AuditField::ImpersonatorId),
            protocol: get(AuditField::Protocol),
            ip: get(AuditField::SourceIp),
            agent: get(AuditField::UserAgent),
            action: get(AuditField::Action),
            object_type: get(AuditField::ObjectType),
            item_id: get(AuditField::ItemId),
            folder_path: get(AuditField::FolderPath),
            folder_id: get(AuditField::FolderId),
            attachment_path: get(AuditField::AttachmentPath),
            allowed: allowed_json(event),
            reason: get(AuditField::AuthFailedReason).or(get(AuditField::ErrorMessage)),
            scope: get(AuditField::Scope),
            rule_id: get(AuditField::RuleId),
            token: get(AuditField::Name),
            token_id: get(AuditField::PersonalAccessTokenId),
            request_id: get(AuditField::RequestId),
            organization: get(AuditField::OrganizationArn),
            log_group: event.record.log_group.as_deref(),
            log_stream: event.record.log_stream.as_deref(),
            event_id: event.record.event_id.as_deref(),
            message: original(&event.record.message),
        }
    }
}

/// Audit events, with the people that they name.
#[derive(Clone, Copy, Debug)]
pub struct AccessEvents<'e> {
    /// The events.
    pub events: &'e [AccessEvent],
    /// The owners of IDs.
    pub people: &'e People,
}

/// A row for each event: time, action, user, address, result, and details beneath.
impl Part for AccessEvents<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([
            Column::whole("TIME"),
            Column::shortened("WHAT"),
            Column::whole("USER"),
            Column::whole("IP"),
            Column::whole("RESULT"),
            Column::beneath(),
        ]);
        for event in self.events {
            let style = match event.event.allowed() {
                Some(Flag::Yes) => GOOD,
                Some(Flag::No) => BAD,
                Some(Flag::Other(_)) | None => PLAIN,
            };
            table.push([
                Cell::new(&event.at().in_zone(&options.zone)),
                Cell::new(&access_what(event)),
                Cell::new(access_user(event, self.people).unwrap_or("")),
                Cell::new(event.event.get(AuditField::SourceIp).unwrap_or("")),
                Cell::styled(access_result(event), style),
                Cell::styled(&access_details(event, self.people), FAINT),
            ]);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, list: &mut JsonWriter<'_>) -> io::Result<()> {
        self.events.iter().try_for_each(|it| list.push(&AccessJson::new(it, self.people, zone)))
    }

    fn csv(&self, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
        write_csv_rows(self.events.iter().map(|it| access_cells(it, self.people, zone)), out)
    }
}

/// Returns in a word whether it was granted; empty if the event does not say.
pub fn access_result(event: &AccessEvent) -> &str {
    match event.event.allowed() {
        None => "",
        Some(Flag::Yes) => "ok",
        Some(Flag::No) if event.event.kind == AuditType::Authentication => "failed",
        Some(Flag::No) => "denied",
        Some(Flag::Other(text)) => text,
    }
}

/// Describes an event in one line: what was done, by whom, from where, whether it was granted, and
/// details.
pub fn access_sentence(event: &AccessEvent, people: &People) -> String {
    let mut sentence = access_what(event);
    if let Some(user) = access_user(event, people) {
        sentence.push_str(" by ");
        sentence.push_str(user);
    }
    if let Some(address) = event.event.get(AuditField::SourceIp) {
        sentence.push_str(" from ");
        sentence.push_str(address);
    }
    for (before, text) in [(": ", access_result(event)), ("; ", &access_details(event, people))] {
        if !text.is_empty() {
            sentence.push_str(before);
            sentence.push_str(text);
        }
    }
    sentence
}

/// Describes what was done in a few words.
pub fn access_what(event: &AccessEvent) -> String {
    let get = |field| event.event.get(field).unwrap_or("");
    let (action, object) = (get(AuditField::Action), get(AuditField::ObjectType));
    match event.event.kind {
        AuditType::MailboxAccess => format!("{action} {}", object.to_lowercase()).trim().to_owned(),
        AuditType::AccessControl => "access control".to_owned(),
        AuditType::Authentication => "sign in".to_owned(),
        AuditType::PersonalAccessToken => format!("{action} token").trim().to_owned(),
        AuditType::AvailabilityProvider => "availability".to_owned(),
        AuditType::Unknown => action.to_owned(),
    }
}

/// Returns the details of an event: the mailbox, folder, item, rule, protocol and agent.
pub fn access_details(event: &AccessEvent, people: &People) -> String {
    // Access to one's own mailbox goes without saying.
    let own = event.event.get(AuditField::UserId) == event.event.get(AuditField::OwnerId);
    let owner = access_owner(event, people).filter(|_| !own).map(|it| format!("mailbox of {it}"));
    let parts = [
        AuditField::FolderPath,
        AuditField::AttachmentPath,
        AuditField::ItemId,
        AuditField::AuthFailedReason,
        AuditField::Scope,
        AuditField::RuleId,
        AuditField::Name,
        AuditField::Scopes,
        AuditField::Domain,
        AuditField::ErrorMessage,
        AuditField::Protocol,
        AuditField::UserAgent,
    ];
    let parts = parts.into_iter().filter_map(|it| event.event.get(it).map(str::to_owned));
    owner.into_iter().chain(parts).collect::<Vec<_>>().join(" · ")
}

/// Returns the columns of an event. The last ones are the fields of the log, under their names
/// there.
pub fn access_columns() -> impl Iterator<Item = &'static str> {
    let fields = AuditField::ALL.into_iter().map(AuditField::key);
    // The availability provider's type would share its name with the event's.
    let fields = fields.map(|it| if it == "type" { "provider_type" } else { it });
    ["timestamp", "type", "userAddress", "ownerAddress"].into_iter().chain(fields)
}

/// Returns an event's cells, in the order of [`access_columns`].
pub fn access_cells(event: &AccessEvent, people: &People, zone: &Zone) -> Vec<String> {
    let start = [
        event.at().in_zone(zone),
        event.event.kind.as_str().to_owned(),
        csv_cell(access_user(event, people).unwrap_or("")),
        csv_cell(access_owner(event, people).unwrap_or("")),
    ];
    let fields = AuditField::ALL.into_iter();
    // Every field, whatever the event's type, so that all types share their columns.
    let fields = fields.map(|it| csv_cell(event.event.get(it).unwrap_or("")));
    start.into_iter().chain(fields).collect()
}

fn title(key: AccessKey) -> &'static str {
    match key {
        AccessKey::User => "USER",
        AccessKey::Owner => "OWNER",
        AccessKey::Ip => "IP",
        AccessKey::Agent => "AGENT",
        AccessKey::Action => "ACTION",
        AccessKey::Protocol => "PROTOCOL",
        AccessKey::Type => "TYPE",
        AccessKey::Hour => "HOUR",
        AccessKey::Day => "DAY",
    }
}

impl AccessGroups {
    fn shown<'g>(&self, row: &'g AccessGroup) -> LabelledGroup<'g> {
        let AccessGroup { values, count, first, last } = row;
        LabelledGroup { values, count: *count, total: self.total, first: *first, last: *last }
    }
}

/// A row for each group, the largest first.
impl Answer for AccessGroups {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(group_columns(self.keys.iter().map(|it| title(*it))));
        for row in &self.rows {
            let mut cells = self.shown(row).cells(&options.zone);
            cells.extend(row.values.iter().map(|it| match it {
                Some(value) => Cell::new(value),
                None => Cell::styled(NO_VALUE, FAINT),
            }));
            table.push(cells);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let names = || self.keys.iter().map(|it| it.as_str());
        let head = [
            ("groupBy", json!(names().collect::<Vec<_>>())),
            ("total", json!(self.total)),
            ("groupCount", json!(self.group_count)),
        ];
        let rows = self.rows.iter().map(|it| self.shown(it).members(names(), zone));
        out.list(&head, "groups", rows, &[])
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let keys = self.keys.iter().map(|it| it.as_str());
        let rows = self.rows.iter().map(|it| self.shown(it).csv_cells(&options.zone));
        write_csv(keys.chain(COUNT_NAMES), rows, out)
    }
}
