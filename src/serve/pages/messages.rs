//! The page that lists messages, with a row for each recipient.

use askama::Template;

use super::bars::Bars;
use super::facets::FacetView;
use super::frame::{PageFrame, Tab};
use super::message::href_of;
use super::nothing::Nothing;
use super::period::QuestionForm;
use super::words::{Badge, When, counted, grouped};
use super::{PageReply, PageRequest, with_limit};
use crate::event::Address;
use crate::limits;
use crate::render::{Marked, fit, human_duration, why};
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::stats::{CountKey, facets_of_messages, outcome_series};
use crate::time::Zone;
use crate::trace::{EventTracers, Message, MessageFilter, Order, Outcome, Recipient, select_page};

#[derive(Template)]
#[template(path = "messages.html", config = "src/serve/pages/askama.toml")]
struct MessagesPage {
    frame: PageFrame,
    form: QuestionForm,
    total: String,
    bars: Option<Bars>,
    facets: Vec<FacetView>,
    sorts: Vec<(&'static str, String, bool)>,
    messages: Vec<MessageRows>,
    first: Option<String>,
    next: Option<String>,
    nothing: Option<Nothing>,
    export: String,
}

/// One message and its recipients.
struct MessageRows {
    href: String,
    when: When,
    from: String,
    sender: Option<String>,
    subject: String,
    rows: Vec<RecipientLine>,
    more: Option<String>,
}

impl MessageRows {
    /// Returns the number of table rows that it takes.
    fn span(&self) -> usize {
        self.rows.len() + usize::from(self.more.is_some())
    }
}

/// One recipient.
struct RecipientLine {
    badge: Badge,
    to: String,
    detail: String,
    latency: String,
    is_junk: bool,
}

/// Lays out the page of the requested messages.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    // A form sends its empty fields too.
    let parameters = request.parameters.without_empty();
    let limited = with_limit(&parameters);
    let asked =
        request.questions.messages(&request.question(ApiCommand::Messages, &limited), store)?;
    let (filter, rules, zone) = (&asked.filter, &asked.rules, &asked.zone);
    let (page, _) = select_page(store, rules, filter, asked.order, asked.after, asked.limit)?;
    let series = outcome_series(store, rules, filter, zone)?;
    let facets = match page.total {
        0 => Vec::new(),
        _ => facets_of_messages(store, rules, filter, &CountKey::USUAL_FACETS, zone)?,
    };
    let facets = facets.into_iter().map(|mut it| {
        // Most messages have no cause and no rule, so counting "none" says nothing.
        let before = it.values.len();
        it.values.retain(|(value, _)| value.is_some());
        it.value_count = it.value_count.saturating_sub(before - it.values.len());
        it
    });
    let traced =
        EventTracers::new(store, rules).messages_of(page.messages.iter().map(|it| it.event))?;
    let messages = traced.iter().map(|it| rows_of(it, filter, zone)).collect();
    let next = page.next.map(|it| parameters.without("cursor").with("cursor", &it.to_string()));
    let frame = PageFrame::new(request, "Messages", Tab::Messages, zone);
    let is_nothing = page.total == 0;
    let page = MessagesPage {
        frame: frame.with_command(request, ApiCommand::Messages, &limited)?,
        form: QuestionForm::of(&parameters, "messages"),
        total: counted(page.total, "message", "messages"),
        bars: series.map(|it| Bars::of(&it, &parameters, "messages", zone)),
        facets: facets
            .filter(|it| !it.values.is_empty())
            .map(|it| FacetView::of(&it, "messages", &parameters))
            .collect(),
        sorts: sorts(&parameters, asked.order),
        messages,
        first: asked.after.map(|_| format!("messages?{}", parameters.without("cursor"))),
        next: next.map(|it| format!("messages?{it}")),
        export: export_of(&parameters),
        nothing: is_nothing
            .then(|| Nothing::of(request, "message", filter.first_seen, &parameters, zone)),
    };
    PageReply::page(&page)
}

/// Returns the link to a bundle of everything found, not of this page alone.
fn export_of(parameters: &Parameters) -> String {
    let of_the_list = ["cursor", "sort", "limit"];
    let question = of_the_list.iter().fold(parameters.clone(), |it, name| it.without(name));
    format!("export/messages.zip?{question}")
}

fn sorts(parameters: &Parameters, order: Order) -> Vec<(&'static str, String, bool)> {
    let choices = [
        ("Newest", Order::Newest),
        ("Oldest", Order::Oldest),
        ("Slowest", Order::Slowest),
        ("Most recipients", Order::MostRecipients),
    ];
    let question = parameters.without("cursor").without("sort");
    let choice = |(word, it): (&'static str, Order)| {
        // The default order needs no parameter, so equal lists have equal addresses.
        let question = match it {
            Order::Newest => question.clone(),
            _ => question.with("sort", it.as_str()),
        };
        (word, format!("messages?{question}"), it == order)
    };
    choices.into_iter().map(choice).collect()
}

fn rows_of(message: &Message, filter: &MessageFilter, zone: &Zone) -> MessageRows {
    let asks_of_rows = filter.asks_of_rows();
    let mut recipients: Vec<&Recipient> = match asks_of_rows {
        true => message.recipients.iter().filter(|it| filter.matches_row(message, it)).collect(),
        false => Vec::new(),
    };
    // Filters look at every row, also at those that do not decide; without such a filter only
    // deciding rows are shown.
    if recipients.is_empty() {
        recipients = message.deciding_recipients();
    }
    recipients.sort_by_key(|it| (!it.outcome.is_bad(), it.outcome != Outcome::Pending));
    // One more row takes no more space than the line that would count it.
    let most = limits::PAGE_ROW_RECIPIENTS;
    let shown = if recipients.len() == most + 1 { most + 1 } else { most };
    let rest = recipients.get(shown..).unwrap_or(&[]);
    let is_other = message.sender.is_some() && message.sender != message.from;
    MessageRows {
        href: href_of(&message.any_id().unwrap_or_default()),
        when: When::new(message.first_seen, zone),
        from: message.from.as_ref().or(message.sender.as_ref()).map_or_else(String::new, address),
        sender: message.sender.as_ref().filter(|_| is_other && message.from.is_some()).map(address),
        subject: fit(message.subject.as_deref().unwrap_or(""), limits::PAGE_TEXT_COLUMNS),
        rows: recipients.iter().take(shown).map(|it| row(it)).collect(),
        more: (!rest.is_empty()).then(|| rest_in_words(rest)),
    }
}

pub(super) fn address(address: &Address<'_>) -> String {
    fit(&Marked::address(address.logged()).to_string(), limits::PAGE_TEXT_COLUMNS)
}

fn rest_in_words(rest: &[&Recipient]) -> String {
    let count = |outcome: Outcome| {
        let count = rest.iter().filter(|it| it.outcome == outcome).count();
        (count > 0).then(|| format!("{} more {outcome}", grouped(count as u64)))
    };
    Outcome::ALL.into_iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

fn row(recipient: &Recipient) -> RecipientLine {
    let why = fit(&why(recipient).to_string(), limits::PAGE_TEXT_COLUMNS);
    let folder = recipient.folder.as_deref().map(|it| fit(it, limits::PAGE_TEXT_COLUMNS));
    RecipientLine {
        badge: Badge::of_recipient(recipient.outcome),
        to: address(&recipient.address),
        detail: folder.filter(|_| why.is_empty()).unwrap_or(why),
        latency: recipient.latency_ms.map_or_else(String::new, human_duration),
        is_junk: recipient.is_junk,
    }
}
