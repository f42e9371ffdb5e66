//! Audit events that may belong to a message, apart from what is known about it.

use super::PageRequest;
use super::timeline::StepRow;
use crate::limits;
use crate::render::fit;
use crate::serve::{Parameters, QuestionError};
use crate::time::Zone;
use crate::timeline::{Candidate, NearEvent, candidates};
use crate::trace::Message;

/// One candidate.
pub(super) struct CandidateView {
    pub(super) near: String,
    pub(super) rule: String,
    pub(super) steps: Vec<StepRow>,
}

/// Returns the candidates of a message, unless the question leaves them out.
pub(super) fn of_message(
    request: &PageRequest<'_>,
    message: &Message,
    parameters: &Parameters,
    zone: &Zone,
) -> Result<Vec<CandidateView>, QuestionError> {
    // The flag alone (`no-access` without a value) means yes, as on the command line.
    let says_no = |it: &str| ["false", "no", "0", "off"].contains(&it);
    let is_off = parameters.get("no-access").is_some_and(|it| !says_no(it));
    if is_off || request.store.other_records() == 0 {
        return Ok(Vec::new());
    }
    let found = candidates(request.store, message)?;
    Ok(found.iter().map(|it| view(it, zone)).collect())
}

fn view(candidate: &Candidate, zone: &Zone) -> CandidateView {
    let near = match candidate.near {
        NearEvent::Delivery => "Delivered to",
        NearEvent::Submission => "Submitted by",
    };
    let at = candidate.at.in_zone(zone);
    let near = format!("{near} {} at {at}", candidate.address);
    CandidateView {
        near: fit(&near, limits::PAGE_TEXT_COLUMNS),
        rule: candidate.rule(),
        steps: candidate.steps.iter().map(|it| StepRow::of(it, &candidate.address, zone)).collect(),
    }
}
