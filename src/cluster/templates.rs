//! The index templates, and the check that an index matches its template.

use hyper::Method;
use serde_json::{Map, Value, json};

use super::audit_document::{CAME, KEYS, NAMED, field_names};
use super::client::{Cluster, ContentType};
use super::error::ClusterError;
use super::names::{DocumentKind, Names};

/// Higher than the priority of templates that others may have for the same names.
const PRIORITY: u32 = 500;

/// The time for which a deletion is remembered, so that an older write that comes late does not
/// bring the document back. OpenSearch's default is a minute.
const DELETIONS_KEPT: &str = "1d";

/// Days after which an index is hardly written to any more: CloudWatch takes events up to two
/// weeks late.
const SETTLED_DAYS: u32 = 50;

/// The templates for administrators to install themselves: paths, and the bodies to PUT there.
pub fn templates(names: &Names) -> Value {
    let mut all = Map::new();
    for kind in DocumentKind::ALL {
        all.insert(template_path(names, kind), template(names, kind));
    }
    all.insert(format!("_plugins/_ism/policies/{}", names.prefix()), lifecycle(names));
    Value::Object(all)
}

fn template_path(names: &Names, kind: DocumentKind) -> String {
    format!("_index_template/{}", names.alias(kind))
}

fn template(names: &Names, kind: DocumentKind) -> Value {
    let alias = names.alias(kind);
    json!({
        "index_patterns": [format!("{alias}-*")],
        "priority": PRIORITY,
        "_meta": { "by": "mailtrace" },
        "template": {
            "settings": settings(),
            "mappings": mappings(kind),
            "aliases": { alias: {} },
        },
    })
}

/// A template without the settings that administrators may adapt to their cluster.
fn essential(template: &Value) -> Value {
    let mut essential = template.clone();
    if let Some(Value::Object(settings)) = essential.pointer_mut("/template/settings/index") {
        for name in ["number_of_shards", "auto_expand_replicas", "translog"] {
            settings.remove(name);
        }
    }
    if let Value::Object(template) = &mut essential {
        template.remove("priority");
        template.remove("_meta");
    }
    essential
}

fn settings() -> Value {
    json!({
        "index": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "gc_deletes": DELETIONS_KEPT,
            // An acknowledged document must be on disk, because the cursor moves past it.
            "translog": { "durability": "request" },
            "analysis": {
                "normalizer": { "folded": { "type": "custom", "filter": ["lowercase"] } },
                "analyzer": {
                    // Indexes any two adjacent characters of Chinese, Japanese and Korean.
                    "subject": {
                        "type": "custom",
                        "tokenizer": "standard",
                        "filter": ["cjk_width", "lowercase", "cjk_bigram"],
                    },
                },
            },
        },
    })
}

fn mappings(kind: DocumentKind) -> Value {
    let mut properties = Map::new();
    let mut add = |fields: &[&str], field: Value| {
        for name in fields {
            properties.insert((*name).to_owned(), field.clone());
        }
    };
    let (exact, folded) =
        (json!({"type": "keyword"}), json!({"type": "keyword", "normalizer": "folded"}));
    // OpenSearch's default formats: RFC 3339, or milliseconds.
    let time = json!({"type": "date"});
    let text = json!({"type": "text", "analyzer": "subject"});
    add(&["organization", "store"], exact.clone());
    add(&["commit", "check"], json!({"type": "long"}));
    if kind != DocumentKind::Rows {
        add(&["identity", "logGroup", "logStream", "eventId"], exact.clone());
        add(&["at", "ingestedAt"], time.clone());
        add(&["isTimeApproximate"], json!({"type": "boolean"}));
        add(&["place"], json!({"type": "long"}));
        // Stored but not indexed, so no value in it can be too long for Lucene.
        add(&["original"], json!({"type": "object", "enabled": false}));
    }
    if matches!(kind, DocumentKind::Events | DocumentKind::Rows) {
        add(&["from", "sender"], folded.clone());
        add(&["folder", "rule", "status", "cause"], folded.clone());
        add(&["spam", "dkim", "dmarc", "spf", "dmarcPolicy"], folded.clone());
        add(&["subject", "reason"], text);
    }
    match kind {
        DocumentKind::Events => {
            add(&["eventName", "traceId", "messageId"], exact);
            add(&["recipients", "ruleType", "actions", "policy"], folded);
        }
        DocumentKind::Access => {
            add(&["type", KEYS, NAMED, CAME], exact.clone());
            field_names(true).for_each(|it| add(&[it], exact.clone()));
            field_names(false).for_each(|it| add(&[it], folded.clone()));
            add(&["allowed"], folded);
            add(&["loggedAt"], time);
            add(&["ip"], json!({"type": "ip"}));
            add(&["denied", "failed"], json!({"type": "boolean"}));
        }
        DocumentKind::Directory => add(&["loggedAt"], time),
        DocumentKind::Rows => {
            add(&["message", "messageIds", "traceIds", "traceId", "leg", "legs"], exact.clone());
            add(&["direction", "outcome"], exact);
            add(&["fromDomain", "senderDomain", "recipient", "recipientDomain"], folded.clone());
            add(&["mailboxes"], folded);
            add(&["firstSeen", "lastSeen", "legStarted", "at"], time);
            add(&["decides", "junk"], json!({"type": "boolean"}));
            add(&["latencyMs", "events"], json!({"type": "long"}));
        }
    }
    // Strict: a field that no template knows is an error, and not a mapping made of a guess.
    json!({ "dynamic": "strict", "properties": properties })
}

/// The lifecycle of indices: merged once no more events come. Nothing is removed.
fn lifecycle(names: &Names) -> Value {
    let patterns: Vec<_> =
        DocumentKind::ALL.iter().map(|it| format!("{}-*", names.alias(*it))).collect();
    json!({
        "policy": {
            "description": "mailtrace: indices of past months are merged; nothing is deleted",
            "default_state": "written",
            "states": [
                {
                    "name": "written",
                    "actions": [],
                    "transitions": [{
                        "state_name": "settled",
                        "conditions": { "min_index_age": format!("{SETTLED_DAYS}d") },
                    }],
                },
                {
                    "name": "settled",
                    "actions": [{ "force_merge": { "max_num_segments": 1 } }],
                    "transitions": [],
                },
            ],
            "ism_template": [{ "index_patterns": patterns, "priority": PRIORITY }],
        },
    })
}

fn meta_index() -> Value {
    json!({
        "settings": { "index": { "number_of_shards": 1, "auto_expand_replicas": "0-1" } },
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "organization": {"type": "keyword"},
                "store": {"type": "keyword"},
                "publisher": {"type": "keyword"},
                "reserved": {"type": "long"},
                "commit": {"type": "long"},
                "removals": {"type": "long"},
                "newest": {"type": "date"},
                "published": {"type": "date"},
                "coverage": {"type": "object", "enabled": false},
                "redaction": {"type": "keyword"},
                "has_directory": {"type": "boolean"},
                "others": {"type": "long"},
                "access": {"type": "long"},
                "whole": {"type": "boolean"},
                "lacks_directory": {"type": "boolean"},
            },
        },
    })
}

impl Cluster {
    /// Installs the templates that are missing or differ.
    pub(super) fn install_templates(&self, names: &Names) -> Result<(), ClusterError> {
        for kind in DocumentKind::ALL {
            let path = format!("/{}", template_path(names, kind));
            let wanted = template(names, kind);
            let known = self.call(&Method::GET, &path, ContentType::Json, &Default::default())?;
            if known.status == 200 {
                let known: Value = known.json()?;
                let known = known.pointer("/index_templates/0/index_template");
                if known.is_some_and(|it| covers(it, &essential(&wanted))) {
                    continue;
                }
            }
            self.ask::<Value>(&Method::PUT, &path, &wanted)?;
        }
        let (index, wanted) = (names.meta(), meta_index());
        self.make_index(&index, &wanted)?;
        let found: Value = self.ask(&Method::GET, &format!("/{index}"), &Value::Null)?;
        let found = found.get(&index).unwrap_or(&Value::Null);
        self.map_fields(&index, wanted.get("mappings"), found)
    }

    /// Makes an index from its template if it is missing, and checks it: under a changed template
    /// everything written would be found differently, and nobody would notice.
    pub(super) fn prepare_index(
        &self,
        names: &Names,
        kind: DocumentKind,
        index: &str,
    ) -> Result<(), ClusterError> {
        self.make_index(index, &Value::Null)?;
        let found: Value = self.ask(&Method::GET, &format!("/{index}"), &Value::Null)?;
        // The name may be an alias of another index; then the answer has that one's name.
        let found = found.get(index).unwrap_or(&Value::Null);
        let alias = names.alias(kind);
        if found.pointer(&format!("/aliases/{alias}")).is_none() {
            return Err(differs(index, "aliases", &json!(alias), found.get("aliases")));
        }
        self.map_fields(index, Some(&mappings(kind)), found)
    }

    /// Checks the fields of an index, and adds those that it lacks: an earlier build may have
    /// made it with fewer.
    fn map_fields(
        &self,
        index: &str,
        wanted: Option<&Value>,
        found: &Value,
    ) -> Result<(), ClusterError> {
        let dynamic = found.pointer("/mappings/dynamic");
        if dynamic.and_then(Value::as_str) != Some("strict") {
            return Err(differs(index, "dynamic", &json!("strict"), dynamic));
        }
        let mut missing = Map::new();
        let fields = wanted.and_then(|it| it.get("properties")).and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            match found.pointer(&format!("/mappings/properties/{name}")) {
                None => missing.extend([(name.clone(), field.clone())]),
                Some(found) if covers(found, field) => {}
                found => return Err(differs(index, name, field, found)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let body = json!({ "properties": missing });
        let path = format!("/{index}/_mapping");
        match self.ask::<Value>(&Method::PUT, &path, &body) {
            Ok(_) => Ok(()),
            Err(ClusterError::Denied { reason, .. } | ClusterError::Refused { reason, .. }) => {
                Err(ClusterError::MissingFields {
                    index: index.to_owned(),
                    reason,
                    body: body.to_string(),
                })
            }
            Err(error) => Err(error),
        }
    }

    fn make_index(&self, index: &str, body: &Value) -> Result<(), ClusterError> {
        let path = format!("/{index}");
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        // Creating is tried without asking first: two publishers may both find the index missing,
        // and the second one's error is harmless.
        let made = self.call(&Method::PUT, &path, ContentType::Json, &body.into())?;
        let is_there =
            made.error().is_some_and(|it| it.kind == "resource_already_exists_exception");
        if is_there { Ok(()) } else { made.checked(self).map(drop) }
    }
}

/// The error for an index that does not match.
fn differs(index: &str, field: &str, expected: &Value, found: Option<&Value>) -> ClusterError {
    ClusterError::Mapping {
        index: index.to_owned(),
        field: field.to_owned(),
        expected: expected.to_string(),
        found: found.map_or_else(|| "nothing".to_owned(), Value::to_string),
    }
}

/// True if `found` says all that is wanted; numbers and booleans may be written as texts.
fn covers(found: &Value, wanted: &Value) -> bool {
    let plain = |it: &Value| match it {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            match found.get(name) {
                Some(found) => covers(found, wanted),
                // Being an object is the default, and may be left unsaid.
                None => name == "type" && wanted == "object",
            }
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(it, wanted)| covers(it, wanted))
        }
        (found, wanted) => plain(found) == plain(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_as_wanted_or_not() {
        let wanted = json!({"type": "keyword", "normalizer": "folded"});
        assert!(covers(&json!({"type": "keyword", "normalizer": "folded", "x": 1}), &wanted));
        assert!(!covers(&json!({"type": "keyword"}), &wanted));
        assert!(!covers(&json!({"type": "text", "normalizer": "folded"}), &wanted));
        assert!(covers(&json!({"enabled": "false"}), &json!({"type": "object", "enabled": false})));
    }

    #[test]
    fn the_templates_name_every_path_once() {
        let names = Names::with_prefix("acme").unwrap();
        let all = templates(&names);
        let paths: Vec<_> = all.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "_index_template/acme-events",
            "_index_template/acme-rows",
            "_index_template/acme-access",
            "_index_template/acme-directory",
            "_plugins/_ism/policies/acme",
        ];
        assert_eq!(paths, expected);
        assert_eq!(all["_index_template/acme-rows"]["index_patterns"], json!(["acme-rows-*"]));
    }
}
