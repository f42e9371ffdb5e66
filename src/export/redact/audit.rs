//! Redaction of audit events: the IDs, names and IP addresses in them.

use super::{KnownTexts, Redactor, Treatment, broken, finders_of, rewrite_texts};
use crate::access::{AccessEvent, People};
use crate::audit::{AuditField, OtherRecord};
use crate::event::normal_address;
use crate::export::ExportError;

impl Redactor {
    /// True if anything in audit events is replaced: they have no subjects.
    pub(crate) fn is_for_audit_events(&self) -> bool {
        self.hides_addresses
    }

    /// Returns the event of the redacted record. `people` maps its IDs to addresses; the same for
    /// their pseudonyms is added to `redacted_people`.
    pub(crate) fn access(
        &self,
        access: AccessEvent,
        people: &People,
        redacted_people: &mut People,
    ) -> Result<AccessEvent, ExportError> {
        let at = access.at();
        let event = &access.event;
        let mut known = KnownTexts::default();
        let mut names: Vec<&str> = event.get(AuditField::User).into_iter().collect();
        for id in AuditField::PEOPLE.into_iter().filter_map(|it| event.get(it)) {
            let pseudonym = self.pseudonyms.person(id);
            known.add(id, &pseudonym);
            // The address of an ID may occur in the event's free texts as well.
            if let Some(name) = people.who(id, at) {
                names.push(name);
                let shown = self.pseudonyms.address(&normal_address(name));
                redacted_people.add(&pseudonym, at.as_ms(), &shown);
            }
        }
        for name in names {
            known.add_address(name, &self.pseudonyms, !self.keeps_domains);
        }
        if let Some(address) = event.get(AuditField::SourceIp) {
            known.add(address, &self.pseudonyms.network_address(address));
        }
        let finders = finders_of(known)?;
        let rewritten = rewrite_texts(&access.record.message, |path, place, text| {
            let Some(text) = text else {
                // Not valid Unicode, so it cannot be searched for what it may spell.
                return Some(self.pseudonyms.name(""));
            };
            self.value(Treatment::in_audit_event(path, place), text, &finders)
        });
        let record = self.record_of(access.record, rewritten.map_err(|_| broken())?);
        // Parsed from the redacted record, so that nothing derived from it can hold an original
        // text.
        match OtherRecord::parse(&record.message) {
            Some(OtherRecord::Audit(event)) => {
                let event = event.into_owned();
                Ok(AccessEvent { record, event })
            }
            _ => Err(ExportError::NotRedacted {
                reason: "it would no longer be an audit event".to_owned(),
            }),
        }
    }
}
