//! Folds runs of similar events.

use std::collections::HashMap;

use super::step::{Side, Step, StepKind};
use super::who::Person;
use crate::limits;

/// Folds moments, which arrive in order of time, into steps.
#[derive(Default)]
pub(super) struct Folder {
    steps: Vec<Step>,
    /// The index of the step that the next moment of each kind continues.
    open: HashMap<FoldKey, usize>,
}

/// The properties that moments must share to be folded.
#[derive(PartialEq, Eq, Hash)]
struct FoldKey {
    kind: StepKind,
    actor: Option<Person>,
    mailbox: Option<Person>,
    source_ip: Option<String>,
    protocol: Option<String>,
    user_agent: Option<String>,
    folder: Option<String>,
    text: Option<String>,
}

impl FoldKey {
    fn of(step: &Step) -> Self {
        // Every folder that somebody reads would fill pages, but from which folder something was
        // deleted matters.
        let is_by_folder =
            !matches!(step.kind, StepKind::Read | StepKind::Updated | StepKind::MailReceived);
        // Subjects differ from mail to mail, so folding by them would fold nothing.
        let is_by_text = step.kind.side() == Side::Access || step.kind == StepKind::Rule;
        Self {
            kind: step.kind,
            actor: step.actor.clone(),
            mailbox: step.mailbox.clone(),
            source_ip: step.source_ip.clone(),
            protocol: step.protocol.clone(),
            user_agent: step.user_agent.clone(),
            folder: step.folder.clone().filter(|_| is_by_folder),
            text: step.text.clone().filter(|_| is_by_text),
        }
    }
}

impl Folder {
    pub(super) fn add(&mut self, moment: Step) {
        // Failed logins after a successful one are another attempt.
        if matches!(moment.kind, StepKind::Login | StepKind::TokenCreated) {
            self.open.retain(|key, _| key.kind != StepKind::LoginFailed);
        }
        let key = FoldKey::of(&moment);
        let known = self.open.get(&key).and_then(|it| self.steps.get_mut(*it));
        let gap_ms = match moment.kind.side() {
            Side::Access => limits::TIMELINE_ACCESS_GAP_MS,
            Side::Mail => limits::TIMELINE_MAIL_GAP_MS,
        };
        match known {
            Some(step) if moment.first.ms_since(step.last) <= gap_ms => join(step, moment),
            _ => {
                self.open.insert(key, self.steps.len());
                self.steps.push(moment);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Step> {
        self.steps
    }
}

fn join(step: &mut Step, moment: Step) {
    step.last = step.last.max(moment.last);
    step.count += moment.count;
    step.is_new_ip |= moment.is_new_ip;
    // One of several folders would pass for all of them, so none is named.
    step.folder = step.folder.take().filter(|it| moment.folder.as_ref() == Some(it));
    step.peer_count += moment.peer_count;
    for (known, more) in [(&mut step.peers, moment.peers), (&mut step.ids, moment.ids)] {
        for it in more {
            if known.len() < limits::TIMELINE_NAMES_MAX && !known.contains(&it) {
                known.push(it);
            }
        }
    }
}
