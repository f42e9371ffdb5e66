//! Writes the JSON of one event by hand: a serializer would take as long as all the rest.

use std::fmt::Write as _;

use crate::event::EventName;

/// An event's message under construction.
#[derive(Debug)]
pub(super) struct MessageBody(String);

impl MessageBody {
    pub(super) fn new(trace_id: &str, name: &EventName<'_>) -> Self {
        let mut text = String::with_capacity(384);
        text.push_str("{\"traceId\":\"");
        text.push_str(trace_id);
        text.push_str("\",\"event\":{\"eventName\":\"");
        text.push_str(name.as_str());
        text.push('"');
        Self(text)
    }

    /// Adds a text member.
    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_json_text(&mut self.0, value);
        self
    }

    /// Adds a text member, if there is a text.
    pub(super) fn text_if(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a member with a list of texts.
    pub(super) fn list<T: AsRef<str>>(mut self, key: &str, values: &[T]) -> Self {
        self.key(key);
        push_json_list(&mut self.0, values);
        self
    }

    /// Adds the object that describes a bounce's recipient.
    pub(super) fn bounced(mut self, address: &str, status: &str, reason: &str) -> Self {
        self.key("bouncedRecipient");
        self.0.push_str("{\"emailAddress\":");
        push_json_text(&mut self.0, address);
        self.0.push_str(",\"action\":\"failed\",\"status\":");
        push_json_text(&mut self.0, status);
        self.0.push_str(",\"reason\":");
        push_json_text(&mut self.0, reason);
        self.0.push('}');
        self
    }

    /// Adds a rule's single action.
    pub(super) fn rule_action<T: AsRef<str>>(mut self, action: &str, recipients: &[T]) -> Self {
        self.key("ruleActions");
        self.0.push_str("[{\"action\":");
        push_json_text(&mut self.0, action);
        self.0.push_str(",\"recipients\":");
        push_json_list(&mut self.0, recipients);
        self.0.push_str("}]");
        self
    }

    pub(super) fn end(mut self) -> String {
        self.0.push_str("}}");
        self.0
    }

    fn key(&mut self, key: &str) {
        self.0.push_str(",\"");
        self.0.push_str(key);
        self.0.push_str("\":");
    }
}

fn push_json_list<T: AsRef<str>>(json: &mut String, values: &[T]) {
    json.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_json_text(json, value.as_ref());
    }
    json.push(']');
}

/// Appends `text` as a JSON string.
pub(super) fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    // Most texts need no escape, and are copied whole.
    if text.bytes().any(|it| matches!(it, b'"' | b'\\' | 0..=0x1F)) {
        for character in text.chars() {
            push_escaped(json, character);
        }
    } else {
        json.push_str(text);
    }
    json.push('"');
}

fn push_escaped(json: &mut String, character: char) {
    match character {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        '\n' => json.push_str("\\n"),
        '\r' => json.push_str("\\r"),
        '\t' => json.push_str("\\t"),
        '\0'..='\u{1f}' => {
            // Writing to a `String` cannot fail.
            let _infallible = write!(json, "\\u{:04x}", u32::from(character));
        }
        _ => json.push(character),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let mut json = String::new();
            push_json_text(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text));
        }
    }
}
