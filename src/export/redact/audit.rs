//! Audit events: whose IDs, names and IP addresses they hold.

use super::{KnownTexts, Redactor, Treatment, broken, finders_of, rewrite_texts};
use crate::access::{AccessEvent, People};
use crate::audit::{AuditField, OtherRecord};
use crate::event::normal_address;
use crate::export::ExportError;

impl Redactor {
    /// Whether anything of audit events is replaced: they have no subjects.
    pub(crate) fn is_for_audit_events(&self) -> bool {
        self.hides_addresses
    }

    /// The same event from a redacted record. `people` says whose IDs they are; the same of their
    /// pseudonyms goes to `redacted_people`.
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
                // Nobody can tell what it spells.
                return Some(self.pseudonyms.name(""));
            };
            self.value(Treatment::in_audit_event(path, place), text, &finders)
        });
        let record = self.record_of(access.record, rewritten.map_err(|_| broken())?);
        match OtherRecord::parse(&record.message) {
            Some(OtherRecord::Audit(event)) => {
                let event = event.into_owned();
                Ok(AccessEvent { record, event })
            }
            _ => Err(ExportError::NotRedacted {
                reason: "it would be no audit event any more".to_owned(),
            }),
        }
    }
}
