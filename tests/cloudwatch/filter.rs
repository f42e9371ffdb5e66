//! FilterLogEvents.

use std::sync::Arc;

use serde_json::Value;

use super::answer::{Body, Call, Pages, integer, limit, text};
use super::describe::group;
use super::errors::AwsError;
use super::faults::{Fault, split_mix};
use super::tokens::{Place, Tokens};
use super::world::{Event, Group, World};

/// What a request asks for.
struct Query<'a> {
    group: &'a Group,
    start_ms: i64,
    end_ms: i64,
    streams: Option<Vec<&'a str>>,
    prefix: &'a str,
    is_oldest_first: bool,
    limit: usize,
}

/// Events in their rendered form, and where the listing goes on.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// The body without its end.
    rendered: Arc<[u8]>,
    event_count: usize,
    last: Option<Place>,
    is_last_page: bool,
}

pub(super) fn filter(
    world: &World,
    tokens: &mut Tokens,
    pages: &mut Pages,
    parameters: &Value,
    fault: Option<Fault>,
) -> Result<Body, AwsError> {
    const CALL: Call = Call::FilterLogEvents;
    let mut query = Query::read(world, parameters)?;
    let asked = text(parameters, "nextToken")?;
    let place = tokens.place(CALL, parameters)?;
    if let (Some(Fault::ExpiredToken), Some(asked)) = (fault, asked) {
        tokens.expire(asked);
        return Err(AwsError::invalid_token());
    }
    let mut issue = |place| Some(tokens.issue(CALL, parameters, place));
    if matches!((fault, asked), (Some(Fault::EmptyPage), _) | (Some(Fault::RepeatedToken), None)) {
        return Ok(body(&Page::empty(), issue(place)));
    }
    if fault == Some(Fault::PartPage) {
        query.limit = (query.limit.min(world.page_events_max) / 2).max(1);
    }
    let page = pages.get(parameters, place, query.limit, fault == Some(Fault::Shuffled), || {
        query.page(world, place, fault == Some(Fault::Shuffled))
    });
    let onward = page.last.filter(|_| !page.is_last_page || fault == Some(Fault::TokenAtTheEnd));
    let token = match fault {
        Some(Fault::RepeatedPage) => issue(place),
        Some(Fault::RepeatedToken) => asked.map(str::to_owned),
        _ => onward.and_then(issue),
    };
    Ok(body(&page, token))
}

/// `searchedLogStreams` has been empty since 2020.
fn body(page: &Page, token: Option<String>) -> Body {
    let end = match token {
        Some(token) => format!(",\"nextToken\":\"{token}\"}}"),
        None => "}".to_owned(),
    };
    Body { start: Arc::clone(&page.rendered), end: end.into_bytes(), event_count: page.event_count }
}

impl<'a> Query<'a> {
    fn read(world: &'a World, parameters: &'a Value) -> Result<Self, AwsError> {
        let group = group(world, parameters)?;
        let streams = match parameters.get("logStreamNames").and_then(Value::as_array) {
            Some(names) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                let known = group.streams();
                if names.iter().any(|it| !known.contains(it)) {
                    return Err(AwsError::not_found("The specified log stream does not exist."));
                }
                if !(1..=100).contains(&names.len()) {
                    return Err(AwsError::invalid("logStreamNames must have 1 to 100 members"));
                }
                Some(names)
            }
            None => None,
        };
        let prefix = text(parameters, "logStreamNamePrefix")?.unwrap_or_default();
        if streams.is_some() && !prefix.is_empty() {
            return Err(AwsError::invalid(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters",
            ));
        }
        if text(parameters, "filterPattern")?.is_some_and(|it| !it.is_empty()) {
            return Err(AwsError::invalid("this stand-in knows no filter patterns"));
        }
        let end_ms = integer(parameters, "endTime")?.unwrap_or(i64::MAX);
        Ok(Self {
            group,
            start_ms: integer(parameters, "startTime")?.unwrap_or(0),
            end_ms: if world.end_time_is_exclusive { end_ms.saturating_sub(1) } else { end_ms },
            streams,
            prefix,
            is_oldest_first: parameters.get("startFromHead") != Some(&Value::Bool(false)),
            limit: limit(parameters, 10_000, 10_000)?,
        })
    }

    /// The events that match and lie behind `place`, in the order of the listing.
    fn matching(&self, world: &'a World, place: Place) -> Box<dyn Iterator<Item = &'a Event> + '_> {
        let events = self.group.events();
        let mut first = events.partition_point(|it| it.timestamp_ms < self.start_ms);
        let mut end = events.partition_point(|it| it.timestamp_ms <= self.end_ms);
        if let Place::After(key) = place {
            if self.is_oldest_first {
                first = first.max(events.partition_point(|it| it.key() <= key));
            } else {
                end = end.min(events.partition_point(|it| it.key() < key));
            }
        }
        let range = events.get(first..end).unwrap_or_default().iter();
        let matches = move |it: &&Event| {
            let is_named = self.streams.as_ref().is_none_or(|them| them.contains(&&*it.stream));
            is_named && it.stream.starts_with(self.prefix) && world.has_arrived(it)
        };
        if self.is_oldest_first {
            Box::new(range.filter(matches))
        } else {
            Box::new(range.rev().filter(matches))
        }
    }

    fn page(&self, world: &World, place: Place, is_shuffled: bool) -> Page {
        let mut matching = self.matching(world, place).peekable();
        let mut events = Vec::new();
        let mut byte_count = 0;
        let events_max = self.limit.min(world.page_events_max);
        while events.len() < events_max
            && let Some(event) = matching.next_if(|it| {
                events.is_empty() || byte_count + it.message.len() <= world.page_bytes_max
            })
        {
            byte_count += event.message.len();
            events.push(event);
        }
        let last = events.last().map(|it| Place::After(it.key()));
        if is_shuffled {
            let mut state = byte_count as u64;
            for index in (1..events.len()).rev() {
                events.swap(index, split_mix(&mut state) as usize % (index + 1));
            }
        }
        let is_last_page = matching.peek().is_none();
        Page { rendered: render(&events), event_count: events.len(), last, is_last_page }
    }
}

impl Page {
    fn empty() -> Self {
        Self { rendered: render(&[]), event_count: 0, last: None, is_last_page: true }
    }
}

fn render(events: &[&Event]) -> Arc<[u8]> {
    let mut body = b"{\"events\":[".to_vec();
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"eventId\":\"");
        body.extend_from_slice(event.event_id.as_bytes());
        body.extend_from_slice(
            format!("\",\"ingestionTime\":{},\"logStreamName\":", event.ingestion_ms).as_bytes(),
        );
        serde_json::to_writer(&mut body, &event.stream).unwrap();
        body.extend_from_slice(b",\"message\":");
        serde_json::to_writer(&mut body, &event.message).unwrap();
        body.extend_from_slice(format!(",\"timestamp\":{}}}", event.timestamp_ms).as_bytes());
    }
    body.extend_from_slice(b"],\"searchedLogStreams\":[]");
    body.into()
}
