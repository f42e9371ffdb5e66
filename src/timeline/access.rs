//! Reads what the audit logs say about a person.

use std::collections::HashSet;

use super::step::{Step, StepKind};
use super::who::{Person, Who};
use crate::access::PeopleOnDemand;
use crate::audit::{AuditEvent, AuditField, AuditType, Flag, OtherRecord};
use crate::store::{
    AuditColumn, AuditSegment, DocumentSet, EventPlace, IndexError, Store, StoreError, audit_term,
    ip_term,
};
use crate::time::{TimeRange, Timestamp};

/// The moments that one kind of log reports, in order of time.
#[derive(Default)]
pub(super) struct Moments {
    pub(super) moments: Vec<Step>,
    /// Whether there were earlier moments, which were left out.
    pub(super) is_cut: bool,
    /// The time of the first moment that was read, if earlier ones were left out.
    pub(super) since: Option<Timestamp>,
}

/// The newest `most` moments in which a person acted, or somebody acted in their mailbox.
pub(super) fn moments(
    store: &Store,
    who: &Who,
    range: TimeRange,
    most: usize,
) -> Result<Moments, StoreError> {
    let values = values_of(who);
    let (places, is_cut) = places_within(store, &values, range, most)?;
    let since = places.first().and_then(|it| Timestamp::from_ms(it.ms)).filter(|_| is_cut);
    // What was cut off has addresses too: none of them is new when it comes again.
    let mut known_ips = match since.or(range.since) {
        Some(since) => ips_before(store, &values, since)?,
        None => HashSet::new(),
    };
    let people = PeopleOnDemand::new(store);
    let mut reader = store.events();
    let mut moments = Vec::with_capacity(places.len());
    for place in places {
        let record = reader.record(place.location)?;
        let Some(OtherRecord::Audit(event)) = OtherRecord::parse(&record.message) else { continue };
        let at = Timestamp::from_ms(place.ms).unwrap_or(record.timestamp);
        let mut moment = moment_of(&event, at, who, &people)?;
        if let Some(ip) = &moment.source_ip {
            let is_first = known_ips.is_empty();
            // The very first address has nothing to differ from.
            moment.is_new_ip = known_ips.insert(ip_term(ip).into_owned()) && !is_first;
        }
        moments.push(moment);
    }
    Ok(Moments { moments, is_cut, since })
}

/// The values by which audit events name a person, or the owner of a mailbox.
pub fn values_of(who: &Who) -> Vec<(AuditField, &str)> {
    let ids = who.ids.iter().flat_map(|id| AuditField::PEOPLE.map(|field| (field, id.as_str())));
    let names = who.addresses.iter().map(|name| (AuditField::User, name.as_str()));
    ids.chain(names).collect()
}

/// Locates the newest events within a range that have one of some values, in order of time, and
/// says whether there are more.
pub(super) fn places_within(
    store: &Store,
    values: &[(AuditField, &str)],
    range: TimeRange,
    most: usize,
) -> Result<(Vec<EventPlace>, bool), StoreError> {
    let Some(audit) = store.audit_index()? else { return Ok((Vec::new(), false)) };
    let asked = range.in_ms();
    let mut places = Vec::new();
    for segment in audit.segments().iter().filter(|it| is_touched(it, range)) {
        let mut found = with_values(segment, values).map_err(audit.failed())?;
        segment.within(&mut found, asked.start, asked.end);
        let place = |it| EventPlace { ms: segment.time_ms(it), location: segment.place(it) };
        places.extend(found.iter().map(place));
    }
    // Segments overlap in time, so only all places together can be cut to the newest.
    places.sort_unstable();
    let is_cut = places.len() > most;
    places.drain(..places.len().saturating_sub(most));
    Ok((places, is_cut))
}

/// True if there may be events within a range.
pub(super) fn has_events_within(store: &Store, range: TimeRange) -> Result<bool, StoreError> {
    let audit = store.audit_index()?;
    Ok(audit.is_some_and(|it| it.segments().iter().any(|it| is_touched(it, range))))
}

/// True if a segment may have events within a range.
fn is_touched(segment: &AuditSegment, range: TimeRange) -> bool {
    let ((first, last), asked) = (segment.time_range(), range.in_ms());
    asked.start <= last && first < asked.end
}

fn with_values(
    segment: &AuditSegment,
    values: &[(AuditField, &str)],
) -> Result<DocumentSet, IndexError> {
    let mut found = DocumentSet::none(segment.max_doc());
    for (field, value) in values {
        found.or(&segment.with_value(*field, &audit_term(*field, value))?);
    }
    found.and(&segment.counting());
    Ok(found)
}

/// The IP addresses of such events before a time.
fn ips_before(
    store: &Store,
    values: &[(AuditField, &str)],
    since: Timestamp,
) -> Result<HashSet<String>, StoreError> {
    let mut known = HashSet::new();
    let Some(audit) = store.audit_index()? else { return Ok(known) };
    for segment in audit.segments() {
        let mut found = with_values(segment, values).map_err(audit.failed())?;
        segment.within(&mut found, i64::MIN, since.as_ms());
        let ips = segment.values(AuditColumn::SourceIp).map_err(audit.failed())?;
        known.extend(found.iter().filter_map(|it| ips.get(it)).map(|it| ip_term(it).into_owned()));
    }
    Ok(known)
}

pub(super) fn moment_of(
    event: &AuditEvent<'_>,
    at: Timestamp,
    who: &Who,
    people: &PeopleOnDemand<'_>,
) -> Result<Step, StoreError> {
    let text = |field| event.get(field).map(str::to_owned);
    // Names only others: without a name, the actor and the mailbox are those of the timeline's
    // person.
    let another = |id: Option<&str>| {
        let Some(id) = id.filter(|it| !who.has_id(it)) else { return Ok(None) };
        Ok::<_, StoreError>(Some(Person { id: id.to_owned(), address: people.who(id, at)? }))
    };
    let kind = kind_of(event);
    // The impersonator acted; `user_id` names the user in whose place.
    let actor = event.get(AuditField::ImpersonatorId).or_else(|| event.get(AuditField::UserId));
    let ids = [AuditField::ItemId, AuditField::RequestId].into_iter().find_map(text);
    Ok(Step {
        source_ip: text(AuditField::SourceIp),
        protocol: text(AuditField::Protocol),
        user_agent: text(AuditField::UserAgent),
        folder: text(AuditField::FolderPath),
        text: match kind {
            StepKind::LoginFailed => text(AuditField::AuthFailedReason),
            StepKind::TokenCreated | StepKind::TokenDeleted => text(AuditField::Name),
            StepKind::Denied => text(AuditField::RuleId).or_else(|| text(AuditField::Action)),
            StepKind::Other => text(AuditField::Action).or_else(|| Some(event.kind.to_string())),
            _ => None,
        },
        actor: another(actor)?,
        mailbox: another(event.get(AuditField::OwnerId))?,
        ids: ids.into_iter().collect(),
        ..Step::new(kind, at)
    })
}

fn kind_of(event: &AuditEvent<'_>) -> StepKind {
    let action = event.get(AuditField::Action).unwrap_or("").to_ascii_lowercase();
    let allowed = event.allowed();
    let is_refused = allowed == Some(Flag::No);
    match event.kind {
        AuditType::Authentication if is_refused => StepKind::LoginFailed,
        AuditType::Authentication if allowed == Some(Flag::Yes) => StepKind::Login,
        // The event does not say whether the person got in, and this is not guessed.
        AuditType::Authentication => StepKind::Other,
        AuditType::PersonalAccessToken if action.starts_with("delete") => StepKind::TokenDeleted,
        AuditType::PersonalAccessToken => StepKind::TokenCreated,
        // Refused attempts come before actions: what was refused was not done.
        _ if is_refused => StepKind::Denied,
        AuditType::AccessControl if allowed == Some(Flag::Yes) => StepKind::Granted,
        _ => match action.as_str() {
            it if it.starts_with("read") => StepKind::Read,
            it if it.starts_with("create") => StepKind::Created,
            it if it.starts_with("update") => StepKind::Updated,
            it if it.starts_with("delete") => StepKind::Deleted,
            it if it.starts_with("move") => StepKind::Moved,
            it if it.starts_with("copy") => StepKind::Copied,
            it if it.starts_with("submit") => StepKind::Submitted,
            _ => StepKind::Other,
        },
    }
}
