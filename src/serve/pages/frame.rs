//! What all pages have around them.

use super::PageRequest;
use super::words::grouped;
use crate::limits;
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::time::{Timestamp, Zone};

/// Which part of the site a page belongs to.
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

/// What stands around a page.
#[derive(Clone, Debug)]
pub(super) struct PageFrame {
    pub(super) title: String,
    pub(super) tab: &'static str,
    /// Whether the store has audit events, or a directory.
    pub(super) has_access: bool,
    pub(super) zone: String,
    /// How many events the store has: whoever looks again sees whether it has grown.
    pub(super) records: u64,
    pub(super) events: String,
    pub(super) pulse_seconds: u64,
    /// The command lines that give the same, with what each gives where there are several.
    pub(super) commands: Vec<(&'static str, String)>,
    /// The API's address for the same, where there is one.
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

    /// A frame for a page that knows of no store.
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

    /// The same with the command line and the API's address that give the same.
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

    /// Adds a command line, and what it gives.
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

/// The zone's name; else the offset that its times end in now.
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
