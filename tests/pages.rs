//! Where pages lead, by what the server answers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::record;
use crate::served::Served;
use crate::support::import;

fn served() -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, Path::new("samples/filter-log-events.ndjson")).expect(0);
    let served = Served::start(&store, &[]);
    (dir, served)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn whatever_is_in_the_clipboard_leads_to_its_page() {
    let (_dir, served) = served();
    let check = |text: &str, page: &str| {
        let reply = served.get(&format!("/find?q={}", encoded(text))).expect(303);
        assert_eq!(reply.header("location"), Some(page), "{text}");
    };
    for text in [
        "<20261123.1001@acme.example>",
        "20261123.1001@acme.example",
        "Message-ID: <20261123.1001@acme.example>",
        "From: Ana <ana@acme.example>\r\nMessage-ID:\r\n <20261123.1001@acme.example>\r\nTo: x@y.example",
        "postfix/cleanup[7]: 4XkQ: message-id=<20261123.1001@acme.example>",
        "&lt;20261123.1001@acme.example&gt;",
    ] {
        check(text, "message?id=20261123.1001%40acme.example");
    }
    check(
        "5d0c1f7e-6a41-4c0a-9f5e-000000000003",
        "message?id=5d0c1f7e-6a41-4c0a-9f5e-000000000003",
    );
    check("<gone@nowhere.example>", "message?id=gone%40nowhere.example");
    check("20261123.10", "message?id=20261123.10");
    let both = "messages?q=from%3Aana%40acme.example+OR+to%3Aana%40acme.example";
    check("ana@acme.example", both);
    check("Ana Ruiz <ana@acme.example>", both);
    check("From: Ana Ruiz <ana@acme.example>", "messages?q=from%3Aana%40acme.example");
    check("Subject: Re: \"x\"", "messages?q=subject%3A%22Re%3A+%5C%22x%5C%22%22");
    check("from:ana outcome:lost", "messages?q=from%3Aana+outcome%3Alost");
    check("quarterly report", "messages?q=quarterly+report");
    check("(", "messages?q=%22%28%22");
    // What was meant as a query is told what is wrong with it.
    check("latency:>5", "messages?q=latency%3A%3E5");
    check("from:((", "messages?q=from%3A%28%28");
    check("  ", "messages");
}

#[test]
fn a_part_of_an_id_lists_those_that_have_it_and_nothing_says_what_was_looked_at() {
    let (_dir, served) = served();
    let page = served.get("/message?id=20261123.10").expect(200).text();
    assert!(page.contains("These IDs begin with it"), "{page}");
    assert!(page.contains("message?id=%3C20261123.1001%40acme.example%3E"), "{page}");
    let page = served.get("/message?id=gone@nowhere.example").expect(200).text();
    assert!(page.contains("No event has the ID") && page.contains("does not prove"), "{page}");
    let page =
        served.get("/messages?q=subject:nowhere&since=2020-01-01&until=2020-01-02").expect(200);
    assert!(page.text().contains("The store covers nothing of this time"));
}

#[test]
fn links_keep_what_was_asked() {
    let (_dir, served) = served();
    let question = "q=from:ana@acme.example&since=2026-11-20";
    let page = served.get(&format!("/statistics?{question}")).expect(200).text();
    let kept = "since=2026-11-20&amp;q=from%3Aana%40acme.example+AND+outcome%3A";
    assert!(page.contains(kept), "{page}");
    let page = served.get(&format!("/?{question}")).expect(200).text();
    assert!(page.contains("Only the messages that <code>from:ana@acme.example</code>"), "{page}");
    assert!(page.contains("./?q=from%3Aana%40acme.example&amp;since=7d"), "{page}");
    // Events have no outcome.
    let page = served.get("/messages?q=outcome:lost+subject:nowhere").expect(200).text();
    assert!(page.contains("No message") && !page.contains("search?q=outcome"), "{page}");
}

#[test]
fn audit_events_have_a_page_that_narrows() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, Path::new("samples/audit-events.ndjson")).expect(0);
    let log = dir.path().join("hostile.ndjson");
    let event = json!({
        "event_timestamp": 1_795_442_600_000_i64, "auth_successful": false,
        "organization_arn": "arn:aws:workmail:eu-west-1:1:organization/m-1",
        "user": "<script>alert(1)</script>\u{202e}", "source_ip": "\"onmouseover=alert(1)",
        "user_agent": "'><img src=x>", "folder_path": "/a?q=1&b#",
    });
    fs::write(&log, record(0, "audit", "s", &event)).unwrap();
    import(&store, &log).expect(0);
    let served = Served::start(&store, &[]);
    let page = served.get("/access").expect(200).text();
    assert!(page.contains("<b>16 events</b>") && page.contains("newest first"), "{page}");
    assert!(page.contains("href=\"access\" aria-current=\"page\""), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    assert!(!page.contains("\"onmouseover") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("mailtrace access --limit 50 --store"), "{page}");
    // What a value narrows to is what the list then has.
    let links: Vec<String> = html_links(&page, "access?q=");
    assert!(links.len() > 10, "{links:?}");
    for link in links.iter().step_by(3) {
        let narrowed = served.get(&format!("/{link}")).expect(200).text();
        assert!(narrowed.contains("<p class=\"sum\">"), "{link}");
    }
    for (question, expect) in [
        ("failed=yes", "<b>4 events</b>"),
        ("failed-then-ok=yes&sort=oldest", "oldest first"),
        ("q=ip:192.0.2.1", "No audit event found"),
        ("limit=3", "Next page"),
    ] {
        let page = served.get(&format!("/access?{question}")).expect(200).text();
        assert!(page.contains(expect), "{question}: {page}");
    }
    served.get("/access?q=subject:x").expect(400);
    served.get("/access?out=here").expect(400);
    // A store of mail alone names no such page.
    let (_dir, served) = self::served();
    assert!(!served.get("/").expect(200).text().contains("href=\"access\""));
}

/// The addresses of links that begin so.
fn html_links(page: &str, start: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|it| it.split('"').next());
    let links = links.filter(|it| it.starts_with(start));
    links.map(|it| it.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

#[test]
fn nothing_is_no_evidence() {
    let (_dir, served) = served();
    let reply = served.get("/export/trace.zip?id=nowhere").expect(400).text();
    assert!(reply.contains("nothing to export"), "{reply}");
}

#[test]
fn the_command_under_a_page_is_what_it_shows() {
    let (_dir, served) = served();
    let page = served.get("/messages?q=outcome:lost&sort=oldest").expect(200).text();
    assert!(page.contains("<code>mailtrace messages outcome:lost"), "{page}");
    assert!(page.contains("--sort oldest --limit 50"), "{page}");
    let pulse = served.get("/pulse").expect(200).json();
    assert_eq!(pulse["records"], Value::from(16));
}

#[test]
fn many_recipients_are_told_in_totals_first_and_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    let address = |it: usize| format!("user{it:04}@acme.example");
    let event = |ms: usize, name: &str, fields: Value| {
        let mut event = serde_json::json!({"eventName": name});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let message = serde_json::json!({"traceId": "all-hands", "event": event}).to_string();
        serde_json::json!({"timestamp": 1_795_000_000_000_usize + ms, "message": message})
            .to_string()
    };
    let everyone: Vec<String> = (0..5_000).map(address).collect();
    let mut lines =
        vec![event(0, "OUTGOING_EMAIL_SUBMITTED", serde_json::json!({"recipients": everyone}))];
    for it in 0..5_000 {
        lines.push(match it % 100 {
            7 => event(it, "OUTGOING_EMAIL_BOUNCED", serde_json::json!({"bouncedRecipient": {"emailAddress": address(it), "status": "5.2.2"}})),
            _ => event(it, "OUTGOING_EMAIL_SENT", serde_json::json!({"recipient": address(it)})),
        });
    }
    fs::write(&log, lines.join("\n")).unwrap();
    import(&store, &log).expect(0);
    let served = Served::start(&store, &[]);
    let page = served.get("/message?id=all-hands").expect(200).text();
    assert!(page.contains("50 bounced") && page.contains("4,950 sent"));
    assert!(
        page.find("user0007@").or(page.find("user0007<wbr>@"))
            < page.find("user0000<wbr>@").or(Some(usize::MAX))
    );
    assert!(page.contains("1 to 25 of 5,000") && page.contains("1 to 50 of 5,001"));
    assert!(page.len() < 400_000, "{}", page.len());
    let page = served.get("/message?id=all-hands&recipient=user4242").expect(200).text();
    assert!(page.contains("user4242<wbr>@acme.example") && !page.contains("user0007<wbr>"));
    let page = served.get("/message?id=all-hands&only=bounced&recipients=2").expect(200).text();
    assert!(page.contains("26 to 50 of 50"));
}
