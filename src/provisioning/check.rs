//! The findings of a look at event logging, one thing at a time.

/// The state of something, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Ok,
    /// Not as it should be, or unknown.
    Warning,
    /// Events are lost, or somebody may do what they should not.
    Failed,
}

/// One thing that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, in one or two words.
    pub name: &'static str,
    pub health: Health,
    /// The finding, as prose.
    pub found: String,
    /// The remedy, if any.
    pub remedy: Option<Remedy>,
}

/// A remedy for something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A command for a POSIX shell.
    Command(String),
    /// A sentence.
    Advice(String),
}

impl Remedy {
    /// The command or the sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::Command(text) | Self::Advice(text) => text,
        }
    }
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn warning(name: &'static str, found: impl Into<String>) -> Self {
        Self { health: Health::Warning, ..Self::ok(name, found) }
    }

    pub(super) fn failed(name: &'static str, found: impl Into<String>) -> Self {
        Self { health: Health::Failed, ..Self::ok(name, found) }
    }

    pub(super) fn command(self, text: impl Into<String>) -> Self {
        Self { remedy: Some(Remedy::Command(text.into())), ..self }
    }

    pub(super) fn advice(self, text: impl Into<String>) -> Self {
        Self { remedy: Some(Remedy::Advice(text.into())), ..self }
    }
}
