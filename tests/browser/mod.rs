//! The pages in a real browser: Debian's chromium, driven over WebDriver.
//!
//! A picture of each page is kept in `browser` in the directory of the tests' own files. With
//! MAILTRACE_PICTURE in the environment, the README's picture is made anew.

mod driver;

use std::fs;
use std::path::{Path, PathBuf};

use self::driver::{Browser, Eyes, Settings, axe};
use crate::hostile;
use crate::served::Served;
use crate::support::{import, mailtrace};
use crate::timeline::Case;
use serde_json::json;
use thirtyfour::Key;

/// The pages, each with something to see.
const PAGES: [(&str, &str); 12] = [
    ("start", "./"),
    ("messages", "messages"),
    ("message", "message?id=20261123.1001@acme.example"),
    ("missing", "message?id=nobody@nowhere.example"),
    ("search", "search"),
    ("access", "access"),
    ("timeline", "timeline?who=ana@acme.example"),
    ("directory", "directory"),
    ("entity", "directory?who=board@acme.example"),
    ("statistics", "statistics"),
    ("status", "status"),
    ("refusal", "messages?q=%28"),
];

/// A morning after the samples.
const MORNING: &str = "2026-11-24T09:00:00Z";

fn serve(store: &Path) -> Served {
    let mut command = mailtrace();
    command.env("MAILTRACE_NOW", MORNING).arg("--store").arg(store);
    Served::spawn(command.args(["serve", "--listen", "127.0.0.1:0"]))
}

fn pictures() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn in_time<F: Future<Output = ()>>(work: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

#[test]
fn people_find_what_became_of_a_message() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, Path::new("samples/filter-log-events.ndjson")).expect(0);
    import(&store, Path::new("samples/audit-events.ndjson")).expect(0);
    import(&store, &people_log(dir.path())).expect(0);
    let served = serve(&store);
    in_time(async {
        let mut eyes = browser.open("light", Settings::default()).await;
        eyes.enter(&served.url).await;
        by_keyboard_to_an_original(&eyes).await;
        narrows_and_widens(&eyes).await;
        sees_what_is_new(&eyes, &store).await;
        looks_at_all(&eyes, "light", axe().as_deref()).await;
        if std::env::var_os("MAILTRACE_PICTURE").is_some() {
            takes_the_picture(&eyes).await;
        }
        eyes.driver.quit().await.unwrap();

        let settings = Settings { is_dark: true, ..Settings::default() };
        let mut eyes = browser.open("dark", settings).await;
        eyes.enter(&served.url).await;
        let paper = eyes.run("return getComputedStyle(document.documentElement).backgroundColor");
        assert_eq!(paper.await, "rgb(19, 21, 25)");
        looks_at_all(&eyes, "dark", axe().as_deref()).await;
        eyes.driver.quit().await.unwrap();

        let settings = Settings { is_without_script: true, ..Settings::default() };
        let mut eyes = browser.open("plain", settings).await;
        eyes.enter(&served.url).await;
        finds_a_lost_message_without_script(&eyes).await;
        eyes.driver.quit().await.unwrap();
    });
}

/// A directory with a group, some of whom have names that would act if they could.
fn people_log(dir: &Path) -> PathBuf {
    let mut case = Case::new();
    let mut said = vec![json!({ "says": "entity", "kind": "group", "id": "g1", "state": "ENABLED",
        "address": "board@acme.example", "displayName": "The board",
        "members": (0..12).map(|it| json!({ "id": format!("u{it}") })).collect::<Vec<_>>() })];
    said.extend((0..12).map(|it| {
        json!({ "says": "entity", "kind": "user", "id": format!("u{it}"), "state": "ENABLED",
            "address": format!("{}{it}@acme.example", "long.".repeat(it)), "aliases": [format!("alias{it}@acme.example")],
            "displayName": format!("Name <i>{it}</i> \u{202e}\u{1b}") })
    }));
    case.look(0, &said);
    let log = dir.join("people.ndjson");
    fs::write(&log, case.lines.join("\n")).unwrap();
    log
}

/// From the start to the bytes that were logged, without a mouse.
async fn by_keyboard_to_an_original(eyes: &Eyes) {
    // Whoever comes there can type at once; elsewhere a key leads to the field.
    eyes.press(Key::Escape + "").await;
    eyes.press("/").await;
    eyes.press("Message-ID: <20261123.1001@acme.example>").await;
    eyes.press(Key::Enter + "").await;
    eyes.read("h1", "Delivered to 2 of 3 recipients").await;
    assert!(eyes.text(".recipients tbody tr").await.contains("bob@acme.example"));
    assert_eq!(eyes.count(".lane").await, 2);
    // A ticket has room for one sheet.
    assert_eq!(eyes.sheets().await, 1);
    eyes.press("j").await;
    eyes.press("j").await;
    eyes.press(Key::Enter + "").await;
    eyes.read("#step-2[open] pre", "OUTGOING_EMAIL_SENT").await;
    eyes.read("#step-2 .evidence", "filter-log-events.ndjson").await;
    assert!(eyes.address().await.ends_with("#step-2"));
    // There and back: what was open is open again.
    eyes.driver.back().await.unwrap();
    eyes.see(".hero").await;
    eyes.driver.forward().await.unwrap();
    eyes.see("#step-2[open]").await;
    eyes.press("?").await;
    eyes.see("dialog[open]").await;
    eyes.press(Key::Escape + "").await;
    // A mark says when it was and how long it took.
    eyes.run("document.querySelector('.step').focus()").await;
    let time = eyes.run("return document.querySelector('.step .tip .time').textContent").await;
    assert!(time.as_str().unwrap().contains("21:35:10.005"), "{time}");
}

async fn narrows_and_widens(eyes: &Eyes) {
    eyes.go("messages").await;
    eyes.read(".sum", "5 messages").await;
    eyes.click("[aria-label='Only Outcome lost']").await;
    eyes.read(".sum", "1 message").await;
    eyes.go("messages").await;
    eyes.click("[aria-label='Without Outcome lost']").await;
    eyes.read(".sum", "4 messages").await;
    // The brush takes the evening alone; the way back leads to all.
    eyes.go("messages").await;
    let plot = eyes.see("svg.bars").await;
    let chain = eyes.driver.action_chain();
    let chain = chain.move_to_element_with_offset(&plot, 400, 0).click_and_hold();
    chain.move_by_offset(190, 0).release().perform().await.unwrap();
    eyes.read(".sum", "4 messages").await;
    assert!(eyes.address().await.contains("since=2026-11-23T"));
    eyes.driver.back().await.unwrap();
    eyes.read(".sum", "5 messages").await;
    eyes.press("j").await;
    eyes.press(Key::Enter + "").await;
    eyes.see(".headline").await;
}

async fn sees_what_is_new(eyes: &Eyes, store: &Path) {
    eyes.go("messages").await;
    let log = store.with_file_name("later.ndjson");
    let event = r#"{"traceId":"later","event":{"eventName":"ORGANIZATION_EMAIL_RECEIVED","from":"eve@far.example","recipients":["bob@acme.example"],"subject":"Later","messageId":"<later@far.example>"}}"#;
    let record = serde_json::json!({"timestamp": 1_795_471_000_000_i64, "message": event});
    fs::write(&log, record.to_string()).unwrap();
    import(store, &log).expect(0);
    // It is asked for every few seconds, and when somebody comes back.
    eyes.run("document.dispatchEvent(new Event('visibilitychange'))").await;
    eyes.read(".fresh", "1 new event").await;
    eyes.read(".sum", "5 messages").await;
    eyes.click(".fresh button").await;
    eyes.read(".sum", "6 messages").await;
}

/// Looks at all pages on a telephone, a desk and a wall, and asks the rules of WCAG.
async fn looks_at_all(eyes: &Eyes, scheme: &str, axe: Option<&str>) {
    let mut violations = Vec::new();
    for (name, page) in PAGES {
        for width in [390, 1_280, 2_560] {
            eyes.resize(width, 1_000).await;
            eyes.go(page).await;
            eyes.expect_fit(&format!("{page} at {width}")).await;
            eyes.expect_calm(page).await;
            eyes.picture(&pictures().join(format!("{name}-{scheme}-{width}.png"))).await;
            // What is hidden on a telephone, and how it is coloured in the dark.
            let is_asked = width == if scheme == "dark" { 390 } else { 1_280 };
            if let Some(axe) = axe.filter(|_| is_asked) {
                let found = eyes.violations(axe).await;
                violations
                    .extend(found.iter().map(|it| format!("{page} at {width}, {scheme}: {it}")));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    eyes.resize(1_280, 1_000).await;
}

async fn takes_the_picture(eyes: &Eyes) {
    // What is seen without scrolling, but for the steps.
    eyes.resize(1_180, 1_160).await;
    eyes.go("message?id=20261123.1001@acme.example").await;
    let png = eyes.driver.screenshot_as_png().await.unwrap();
    assert!(png.len() < 200_000, "{} bytes", png.len());
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/message.png"), png).unwrap();
}

/// Somebody asks for the mail of a supplier that never arrived.
async fn finds_a_lost_message_without_script(eyes: &Eyes) {
    let field = eyes.see("textarea").await;
    field.send_keys("billing@supplier.example").await.unwrap();
    eyes.click(".hero button").await;
    eyes.read(".messages", "lost").await;
    eyes.click(".messages .row").await;
    eyes.read("h1", "Lost for dora@acme.example").await;
    eyes.click("#step-1 summary").await;
    eyes.read("#step-1[open] pre", "ORGANIZATION_EMAIL_RECEIVED").await;
}

#[test]
fn hostile_mail_does_nothing_in_a_browser() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    fs::write(&log, hostile::log()).unwrap();
    import(&store, &log);
    let served = serve(&store);
    in_time(async {
        let mut eyes = browser.open("hostile", Settings::default()).await;
        eyes.enter(&served.url).await;
        let pages = ["./", "messages?limit=400", "search?limit=1000", "statistics", "status"]
            .map(str::to_owned);
        let mails = (0..hostile::harm_count()).map(|it| format!("message?id=mail-{it}"));
        for page in pages.into_iter().chain(mails.step_by(4)) {
            eyes.go(&page).await;
            // Whatever may act on the way to it.
            eyes.run("for (const it of document.querySelectorAll('details')) { it.open = true; }")
                .await;
            eyes.run(
                "for (const it of document.querySelectorAll('a, input, summary')) { it.focus(); }",
            )
            .await;
            eyes.expect_calm(&page).await;
            eyes.resize(390, 1_000).await;
            eyes.expect_fit(&page).await;
            eyes.resize(1_280, 1_000).await;
        }
        eyes.go("messages?limit=400").await;
        eyes.picture(&pictures().join("hostile.png")).await;
        eyes.driver.quit().await.unwrap();
    });
}
