//! The frame that all pages share.

use super::PageRequest;
use super::words::grouped;
use crate::limits;
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::time::{Timestamp, Zone};

/// The part of the site that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Start,
    Messages,
    Message,
    Search,
    Access,
    People,
    Statistics,
    Status,
    None,
}

impl Tab {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Messages | Self::Message => "messages",
            Self::Search => "search",
            Self::Access => "access",
            Self::People => "people",
            Self::Statistics => "statistics",
            Self::Status => "status",
            Self::None => "",
        }
    }
}

/// The content of a page's frame.
#[derive(Clone, Debug)]
pub(super) struct PageFrame {
    pub(super) title: String,
    pub(super) tab: &'static str,
    /// True if the store has audit events or a directory.
    pub(super) has_access: bool,
    pub(super) zone: String,
    /// The number of events in the store, from which the script sees whether it has grown.
    pub(super) records: u64,
    pub(super) events: String,
    pub(super) pulse_seconds: u64,
    /// The command lines that print the same, each with what it prints if there are several.
    pub(super) commands: Vec<(&'static str, String)>,
    /// The API's address for the same, if there is one.
    pub(super) api: Option<String>,
}

impl PageFrame {
    pub(super) fn new(request: &PageRequest<'_>, title: &str, tab: Tab, zone: &Zone) -> Self {
        let records = request.store.mail_records();
        Self {
            title: title.to_owned(),
            tab: tab.as_str(),
            has_access: tab == Tab::Access || request.store.other_records() > 0,
            zone: zone_name(request.now, zone),
            records,
            events: grouped(records),
            pulse_seconds: limits::PAGE_PULSE_SECONDS,
            commands: Vec::new(),
            api: None,
        }
    }

    /// Makes a frame for a page without a store, such as a refusal.
    pub(super) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            tab: Tab::None.as_str(),
            has_access: false,
            zone: String::new(),
            records: 0,
            events: String::new(),
            pulse_seconds: 0,
            commands: Vec::new(),
            api: None,
        }
    }

    /// Adds the command line and the API's address that give the same.
    pub(super) fn with_command(
        mut self,
        request: &PageRequest<'_>,
        command: ApiCommand,
        parameters: &Parameters,
    ) -> Result<Self, QuestionError> {
        self.add_command("", request, command, parameters)?;
        let name = command.as_str();
        self.api = Some(match parameters.is_empty() {
            true => format!("api/v1/{name}"),
            false => format!("api/v1/{name}?{parameters}"),
        });
        Ok(self)
    }

    /// Adds a command line, with what it gives.
    pub(super) fn add_command(
        &mut self,
        gives: &'static str,
        request: &PageRequest<'_>,
        command: ApiCommand,
        parameters: &Parameters,
    ) -> Result<(), QuestionError> {
        let line = request.questions.command_line(&request.question(command, parameters))?;
        self.commands.push((gives, line));
        Ok(())
    }
}

/// Returns the zone's name, or its current offset if it has none.
fn zone_name(now: Timestamp, zone: &Zone) -> String {
    const INSTANT_CHARACTERS: usize = "2026-11-23T21:34:00.000".len();
    if let Some(name) = zone.iana_name() {
        return name.to_owned();
    }
    let shown = now.in_zone(zone);
    match shown.get(INSTANT_CHARACTERS..) {
        Some("Z") | None => "UTC".to_owned(),
        Some(offset) => format!("UTC{offset}"),
    }
}
