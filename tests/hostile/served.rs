//! The pages of the server, as a browser reads them.

use html5gum::{Token, Tokenizer};

use super::*;
use crate::served::Served;
use crate::support::import;

/// What the pages are made of.
const ELEMENTS: [&str; 59] = [
    "a",
    "article",
    "aside",
    "b",
    "bdi",
    "body",
    "br",
    "button",
    "circle",
    "code",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "header",
    "html",
    "input",
    "kbd",
    "label",
    "li",
    "line",
    "link",
    "main",
    "meta",
    "nav",
    "ol",
    "p",
    "polyline",
    "pre",
    "rect",
    "script",
    "section",
    "span",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "textarea",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "ul",
    "wbr",
];

/// Elements that nothing closes.
const VOID: [&str; 5] = ["meta", "link", "input", "br", "wbr"];

/// Checks that a page has nothing in it but its own, and that nothing in it acts.
fn check(html: &str, page: &str) {
    let is_hidden = |it: char| {
        (it.is_control() && it != '\n')
            || matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(html.find(is_hidden), None, "{page}");
    let mut open = Vec::new();
    for token in Tokenizer::new(html) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match token.unwrap() {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                assert!(ELEMENTS.contains(&name.as_str()), "{page}: <{name}>");
                for (attribute, value) in &tag.attributes {
                    let (attribute, value) = (text(attribute), text(value));
                    let is_place = matches!(attribute.as_str(), "href" | "src" | "action");
                    let is_own = !value.contains("//") && !value.trim().starts_with("javascript");
                    assert!(!attribute.starts_with("on"), "{page}: {attribute}");
                    assert!(attribute != "style", "{page}");
                    assert!(!is_place || is_own, "{page}: {value}");
                    assert!(name != "script" || value != "module", "{page}");
                }
                if !tag.self_closing && !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(text(&tag.name)), "{page}"),
            Token::Comment(it) => panic!("{page}: a comment: {it:?}"),
            Token::Error(it) => panic!("{page}: {it:?}"),
            Token::String(_) | Token::Doctype(_) => {}
        }
    }
    assert_eq!(open, [""; 0], "{page}");
}

#[test]
fn pages_are_made_of_their_own_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (input, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    fs::write(&input, log()).unwrap();
    import(&store, &input);
    let served = Served::start(&store, &[]);
    let pages = ["/", "/messages?limit=1000", "/search?limit=1000", "/statistics", "/status"];
    let mails = (0..harm_count()).map(|it| format!("/message?id=mail-{it}"));
    for page in pages.map(str::to_owned).into_iter().chain(mails) {
        check(&served.get(&page).expect(200).text(), &page);
    }
    // What a client says is told back to it: as a query, as an ID, and in what is wrong with these.
    for harm in typable() {
        let harm = form_urlencoded::byte_serialize(harm.as_bytes()).collect::<String>();
        for page in
            ["/messages?q=", "/search?since=", "/message?id=", "/messages?", "/statistics?tz="]
        {
            let page = format!("{page}{harm}");
            let reply = served.get(&page);
            assert!(matches!(reply.status, 200 | 303 | 400), "{page}: {reply:?}");
            if reply.status != 303 {
                check(&reply.text(), &page);
            }
        }
    }
}
