//! The description of the API, generated from the commands' definitions of their options.

use serde_json::{Map, Value, json};

use super::{ApiCommand, ParameterDefinition, Questions};

/// Returns the description as one JSON document.
pub(super) fn document(questions: &dyn Questions) -> String {
    let mut paths = Map::new();
    for command in ApiCommand::ALL {
        let parameters = questions.parameters(command);
        paths.insert(format!("/api/v1/{}", command.as_str()), path_item(command, &parameters));
    }
    paths.insert(
        "/metrics".to_owned(),
        plain("Numbers for a monitoring system", "application/openmetrics-text"),
    );
    paths.insert("/healthz".to_owned(), healthz());
    for command in [ApiCommand::Messages, ApiCommand::Trace] {
        let parameters = questions.parameters(command);
        paths.insert(format!("/export/{}.zip", command.as_str()), export(command, &parameters));
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mailtrace",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The answers of mailtrace's commands. Parameters are named like the commands' options, and q is the query; an answer is what `mailtrace COMMAND --format json` prints, byte for byte. Nothing can be changed.",
        },
        // Relative to this document, so that it holds below any base path.
        "servers": [{"url": "../.."}],
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "mailtrace-PORT"},
            },
            "schemas": schemas(),
        },
    });
    format!("{document}\n")
}

fn summary(command: ApiCommand) -> &'static str {
    match command {
        ApiCommand::Trace => "What happened to messages with these IDs",
        ApiCommand::Messages => "Messages by filter, with their outcomes",
        ApiCommand::Groups => "Messages or recipients in groups",
        ApiCommand::Search => "Events by query, newest first",
        ApiCommand::Access => "Audit events: who did what in which mailbox, and who was kept out",
        ApiCommand::Timeline => {
            "What one person did and what happened to their mail, in order of time"
        }
        ApiCommand::Directory => "Who has which address and ID, and who is in which group",
        ApiCommand::Stats => "Counts, latencies and metrics",
        ApiCommand::Triage => "What deserves attention in a period",
        ApiCommand::Status => "What the store holds and covers",
        ApiCommand::Sources => "What was read into the store",
    }
}

fn path_item(command: ApiCommand, parameters: &[ParameterDefinition]) -> Value {
    let schema = match command {
        ApiCommand::Trace => json!({"$ref": "#/components/schemas/Trace"}),
        ApiCommand::Messages => json!({"$ref": "#/components/schemas/Messages"}),
        ApiCommand::Search => json!({"$ref": "#/components/schemas/Events"}),
        _ => json!({"type": "object"}),
    };
    let mut responses = refusals();
    responses.insert(
        "200".to_owned(),
        json!({"description": "The answer", "content": {"application/json": {"schema": schema}}}),
    );
    json!({"get": {
        "operationId": command.as_str(),
        "summary": summary(command),
        "parameters": parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    }})
}

fn parameter(definition: &ParameterDefinition) -> Value {
    let mut value = match definition.is_flag {
        true => json!({"type": "boolean"}),
        false => json!({"type": "string"}),
    };
    if !definition.values.is_empty() {
        value = json!({"type": "string", "enum": definition.values});
    }
    let schema = match definition.repeats {
        true => json!({"type": "array", "items": value}),
        false => value,
    };
    let mut parameter = json!({
        "name": definition.name,
        "in": "query",
        "description": definition.help,
        "required": definition.is_required,
        "schema": schema,
    });
    if let (Some(default), Some(schema)) =
        (&definition.default, parameter.get_mut("schema").and_then(Value::as_object_mut))
    {
        schema.insert("default".to_owned(), json!(default));
    }
    parameter
}

/// The error responses that every path shares.
fn refusals() -> Map<String, Value> {
    [
        ("400", "The question cannot be read"),
        ("401", "Without the token"),
        ("403", "From another site's page, or for a host that is not served"),
        ("500", "The store cannot be read"),
        ("503", "It took too long, or too many questions are waiting"),
    ]
    .into_iter()
    .map(|(status, text)| {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        let content = json!({"application/json": {"schema": schema}});
        (status.to_owned(), json!({"description": text, "content": content}))
    })
    .collect()
}

fn plain(summary: &str, content_type: &str) -> Value {
    let content = json!({content_type: {"schema": {"type": "string"}}});
    json!({"get": {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }})
}

fn healthz() -> Value {
    let mut item = plain("Whether the server answers", "text/plain");
    if let Some(get) = item.get_mut("get").and_then(Value::as_object_mut) {
        // An empty list overrides the document's default: this path needs no token.
        get.insert("security".to_owned(), json!([]));
    }
    item
}

fn export(command: ApiCommand, parameters: &[ParameterDefinition]) -> Value {
    let schema = json!({"type": "string", "contentMediaType": "application/zip"});
    let mut responses = refusals();
    responses.insert(
        "200".to_owned(),
        json!({"description": "An evidence bundle", "content": {"application/zip": {"schema": schema}}}),
    );
    json!({"get": {
        "operationId": format!("export-{}", command.as_str()),
        "summary": "The evidence bundle of the requested messages",
        "parameters": parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    }})
}

/// The schemas of answers that are lists of messages or events. Keys that do not apply are `null`,
/// never missing.
fn schemas() -> Value {
    let text = || json!({"type": "string"});
    let optional = || json!({"type": ["string", "null"]});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let time = || json!({"type": "string", "format": "date-time"});
    let list = |name: &str| {
        let name = format!("#/components/schemas/{name}");
        json!({"type": "array", "items": {"$ref": name}})
    };
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    json!({
        "Error": object(json!({"error": text(), "report": optional()})),
        "Trace": object(json!({"messages": list("Message"), "notFound": texts()})),
        "Messages": object(json!({
            "messages": list("Message"),
            "total": {"type": "integer"},
            "next": {"type": ["string", "null"], "description": "cursor of the next page"},
        })),
        "Events": object(json!({"events": list("Event"), "next": optional()})),
        "Message": object(json!({
            "messageIds": texts(),
            "traceIds": texts(),
            "from": optional(),
            "sender": optional(),
            "subject": optional(),
            "outcome": {"type": "string", "enum": ["delivered", "partial", "failed", "pending", "unknown"]},
            "firstSeen": time(),
            "lastSeen": time(),
            "verdicts": {"type": ["object", "null"]},
            "recipients": list("Recipient"),
            "events": list("Event"),
            "truncated": {"type": "boolean"},
        })),
        "Recipient": object(json!({
            "address": text(),
            "direction": {"type": "string", "enum": ["incoming", "outgoing"]},
            "traceId": text(),
            "outcome": text(),
            "folder": optional(),
            "junk": {"type": "boolean"},
            "status": optional(),
            "statusClass": optional(),
            "statusText": optional(),
            "reason": optional(),
            "rule": optional(),
            "mailboxes": texts(),
            "at": {"type": ["string", "null"], "format": "date-time"},
            "latencyMs": {"type": ["integer", "null"]},
            "matched": {"type": ["boolean", "null"], "description": "whether it matches the question"},
        })),
        "Event": object(json!({
            "timestamp": time(),
            "traceId": optional(),
            "eventName": optional(),
            "logGroup": optional(),
            "logStream": optional(),
            "eventId": optional(),
            "message": {"description": "the original JSON"},
        })),
    })
}
