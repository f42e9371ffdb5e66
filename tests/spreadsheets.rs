//! CSV as spreadsheets open it, and as programs read it.

use std::fs;

use serde_json::json;

use crate::export::exported;
use crate::program::{Filled, line};

/// Messages whose senders, recipients and subjects begin as formulas do.
fn filled() -> Filled {
    let message = |index: i64, from: &str, to: &str, subject: &str| {
        let id = format!("t-{index}");
        let start = index * 60_000;
        let received = json!({"from": from, "recipients": [to], "subject": subject,
            "messageId": format!("<csv{index}@far.example>")});
        let delivered = json!({"recipient": to, "folder": "INBOX"});
        [
            line(start, &id, "ORGANIZATION_EMAIL_RECEIVED", received),
            line(start + 500, &id, "MAILBOX_EMAIL_DELIVERED", delivered),
        ]
    };
    let log = [
        message(0, "+15551234567@sms.far.example", "bob@acme.example", "Code 1234"),
        message(1, "ana@far.example", "+49301234567@fax.acme.example", "-50% today only"),
        message(2, "-noreply-@far.example", "bob@acme.example", "=== Build failed ==="),
        message(3, "=bounce=ana@far.example", "bob@acme.example", "@bob: please check"),
        message(4, "ana@far.example", "bob@acme.example", "+1 for lunch"),
        message(5, "=cmd|'/C'!A0@far.example", "bob@acme.example", "Grüße über 100 €"),
    ];
    Filled::with(log.as_flattened())
}

/// A column of a table, by name.
fn column(text: &str, name: &str) -> Vec<String> {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let place = rows.headers().unwrap().iter().position(|it| it == name).unwrap();
    rows.records().map(|it| it.unwrap()[place].to_owned()).collect()
}

const SENDERS: [&str; 6] = [
    "+15551234567@sms.far.example",
    "ana@far.example",
    "-noreply-@far.example",
    "=bounce=ana@far.example",
    "ana@far.example",
    "'=cmd|'/C'!A0@far.example",
];

#[test]
fn addresses_stay_as_they_are_and_formulas_do_not() {
    let store = filled();
    let bundle = exported(&store, "bundle", &[]);
    let printed =
        |arguments: &[&str]| store.run(&[arguments, &["--format", "csv"]].concat()).with(0).stdout;
    let read = |name: &str| fs::read_to_string(bundle.join(name)).unwrap();
    let subjects = [
        "Code 1234",
        "'-50% today only",
        "'=== Build failed ===",
        "'@bob: please check",
        "'+1 for lunch",
        "Grüße über 100 €",
    ];
    for text in [printed(&["messages", "--sort", "oldest"]), read("messages.csv")] {
        assert_eq!(column(&text, "from"), SENDERS);
        assert_eq!(column(&text, "subject"), subjects);
        assert_eq!(column(&text, "address")[1], "+49301234567@fax.acme.example");
    }
    for name in ["timeline.csv", "timesketch.csv"] {
        let senders = column(&read(name), "from");
        assert_eq!(senders.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>(), SENDERS);
        assert!(column(&read(name), "to").contains(&"+49301234567@fax.acme.example".to_owned()));
    }
    let mut searched = column(&printed(&["search", "event:ORGANIZATION_EMAIL_RECEIVED"]), "from");
    searched.reverse();
    assert_eq!(searched, SENDERS);
    for arguments in [&["stats", "--by", "sender"][..], &["messages", "--group-by", "sender"]] {
        let text = printed(arguments);
        assert!(text.contains("\n+15551234567@sms.far.example,"), "{text}");
        assert!(text.contains("\n'=cmd|"), "{text}");
    }
    let traced = printed(&["trace", "t-0", "t-3"]);
    assert_eq!(column(&traced, "from"), [SENDERS[0], SENDERS[3]]);
}

/// Without the mark a spreadsheet takes the text for one in its own country's encoding.
#[test]
fn what_people_open_says_that_it_is_utf_8() {
    let store = filled();
    let bundle = exported(&store, "bundle", &[]);
    for (name, has_mark) in
        [("messages.csv", true), ("timeline.csv", true), ("timesketch.csv", false)]
    {
        let text = fs::read_to_string(bundle.join(name)).unwrap();
        assert_eq!(text.starts_with('\u{feff}'), has_mark, "{name}");
        assert_eq!(text.matches('\u{feff}').count(), usize::from(has_mark), "{name}");
        assert!(text.contains("Grüße über 100 €"), "{name}");
    }
    let printed = store.run(&["messages", "--format", "csv"]).with(0).stdout;
    assert!(printed.starts_with("messageIds,"), "programs read this one: {printed}");
}

/// A page that says in which zone its times are has no others.
#[test]
fn a_report_has_its_times_in_one_zone() {
    let store = filled();
    let arguments = ["--tz", "Asia/Tokyo", "--since", "2026-11-20", "--until", "2026-11-25"];
    let bundle = exported(&store, "bundle", &arguments);
    let page = fs::read_to_string(bundle.join("report.html")).unwrap();
    assert!(page.contains("Times are in Asia/Tokyo"), "{page}");
    assert!(page.contains("+09:00") && !page.contains("00Z"), "{page}");
    let manifest = fs::read_to_string(bundle.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"2026-11-19T15:00:00.000Z\""), "{manifest}");
}
