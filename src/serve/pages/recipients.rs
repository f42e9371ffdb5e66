//! The outcomes of a message for its recipients: totals first, then the worst.

use super::people::PeopleLinks;
use super::words::{Badge, When, grouped};
use crate::limits;
use crate::render::{Marked, human_duration, telling_recipients, why};
use crate::serve::parameters::Parameters;
use crate::time::Zone;
use crate::trace::{Direction, Message, Outcome, Recipient};

/// One page of recipients, with numbers about all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct RecipientTable {
    pub(super) totals: Vec<Total>,
    pub(super) rows: Vec<RecipientRow>,
    /// The number of all recipients.
    pub(super) all: String,
    pub(super) is_long: bool,
    pub(super) is_narrowed: bool,
    /// The part of an address to look for.
    pub(super) wanted: String,
    pub(super) pager: Pager,
    /// The link to the table of all recipients.
    pub(super) everyone: String,
}

/// The number of recipients with an outcome.
#[derive(Clone, Debug)]
pub(super) struct Total {
    pub(super) badge: Badge,
    pub(super) count: String,
    pub(super) href: String,
    pub(super) is_chosen: bool,
}

#[derive(Clone, Debug)]
pub(super) struct RecipientRow {
    pub(super) badge: Badge,
    pub(super) address: String,
    /// The link to the owner of the address.
    pub(super) href: Option<String>,
    pub(super) direction: &'static str,
    pub(super) folder: String,
    pub(super) is_junk: bool,
    pub(super) at: Option<When>,
    pub(super) latency: String,
    pub(super) why: String,
    /// The mailboxes that an alias or a group stands for.
    pub(super) mailboxes: Vec<String>,
}

/// The position in a long table, and the links from there.
#[derive(Clone, Debug, Default)]
pub(super) struct Pager {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) total: String,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl Pager {
    /// Returns the pager for `total` things at the page that `parameters` ask for, and the index of
    /// its first thing.
    pub(super) fn of(
        name: &str,
        total: usize,
        at_once: usize,
        parameters: &Parameters,
        page: &str,
        anchor: &str,
    ) -> (Self, usize) {
        let last_page = total.div_ceil(at_once).max(1);
        let asked = parameters.get(name).and_then(|it| it.parse().ok()).unwrap_or(1_usize);
        // A stale or mistyped number shows the nearest page rather than an error.
        let number = asked.clamp(1, last_page);
        let start = (number - 1) * at_once;
        let href = |it: usize| {
            let parameters = parameters.without(name).with(name, &it.to_string());
            format!("{page}?{parameters}#{anchor}")
        };
        let pager = Self {
            first: grouped(start.saturating_add(1).min(total) as u64),
            last: grouped(start.saturating_add(at_once).min(total) as u64),
            total: grouped(total as u64),
            previous: (number > 1).then(|| href(number - 1)),
            next: (number < last_page).then(|| href(number + 1)),
        };
        (pager, start)
    }

    /// True if everything is on one page.
    pub(super) fn is_single(&self) -> bool {
        self.previous.is_none() && self.next.is_none()
    }
}

impl RecipientTable {
    pub(super) fn of(
        message: &Message,
        parameters: &Parameters,
        people: &PeopleLinks,
        zone: &Zone,
    ) -> Self {
        let rows = telling_recipients(message);
        let chosen = parameters.text("only");
        let wanted = parameters.text("recipient").trim().to_lowercase();
        let others = parameters.without("only").without("recipients");
        let totals = Outcome::ALL.into_iter().filter_map(|outcome| {
            let count = rows.iter().filter(|it| it.outcome == outcome).count();
            let is_chosen = chosen == outcome.as_str();
            let question =
                if is_chosen { others.clone() } else { others.with("only", outcome.as_str()) };
            (count > 0).then(|| Total {
                badge: Badge::of_recipient(outcome),
                count: grouped(count as u64),
                href: format!("message?{question}#recipients"),
                is_chosen,
            })
        });
        let mut totals: Vec<Total> = totals.collect();
        totals.sort_by_key(|it| it.badge.class == "good");
        let is_asked = |it: &&&Recipient| {
            (chosen.is_empty() || it.outcome.as_str() == chosen)
                && (wanted.is_empty() || it.address.as_str().contains(&wanted))
        };
        let asked: Vec<&Recipient> = rows.iter().filter(is_asked).copied().collect();
        let (pager, start) = Pager::of(
            "recipients",
            asked.len(),
            limits::PAGE_RECIPIENTS,
            parameters,
            "message",
            "recipients",
        );
        let shown = asked.iter().skip(start).take(limits::PAGE_RECIPIENTS);
        Self {
            totals,
            rows: shown.map(|it| row(it, people, zone)).collect(),
            all: grouped(rows.len() as u64),
            is_long: rows.len() > LONG,
            is_narrowed: !chosen.is_empty() || !wanted.is_empty(),
            wanted,
            pager,
            everyone: format!("message?{}#recipients", others.without("recipient")),
        }
    }
}

/// Number of recipients above which the table gets a search field.
const LONG: usize = 12;

/// Maximum number of a group's mailboxes that its row names.
const MAILBOXES_SHOWN: usize = 20;

fn row(row: &Recipient, people: &PeopleLinks, zone: &Zone) -> RecipientRow {
    let mailbox = |it: &crate::event::Address<'_>| Marked::address(it.logged()).to_string();
    // A single mailbox is named in the reason already.
    let is_one = row.mailboxes.len() == 1;
    let mut mailboxes: Vec<String> =
        row.mailboxes.iter().take(MAILBOXES_SHOWN).filter(|_| !is_one).map(mailbox).collect();
    if let Some(rest) = row.mailboxes.len().checked_sub(MAILBOXES_SHOWN).filter(|it| *it > 0) {
        mailboxes.push(format!("and {} more, each with its own row", grouped(rest as u64)));
    }
    RecipientRow {
        badge: Badge::of_recipient(row.outcome),
        address: mailbox(&row.address),
        href: people.of_address(&row.address, row.direction == Direction::Incoming),
        direction: row.direction.as_str(),
        folder: row.folder.as_deref().unwrap_or("").to_owned(),
        is_junk: row.is_junk,
        at: row.at.map(|it| When::new(it, zone)),
        latency: row.latency_ms.map_or_else(String::new, human_duration),
        why: why(row).to_string(),
        mailboxes,
    }
}
