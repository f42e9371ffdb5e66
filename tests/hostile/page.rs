//! The report as a browser reads it.

use std::collections::{BTreeMap, BTreeSet};

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// A page's elements with their attributes, and what there is to read.
pub(super) struct Page {
    /// By element, the names of its attributes.
    pub(super) elements: BTreeMap<String, BTreeSet<String>>,
    /// All values of attributes.
    pub(super) values: BTreeSet<String>,
    /// The text between the tags.
    pub(super) text: String,
}

/// Reads a page by the rules of WHATWG, and wants it without a fault.
#[track_caller]
pub(super) fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page { elements: BTreeMap::new(), values: BTreeSet::new(), text: String::new() };
    let mut open = Vec::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match token.unwrap() {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                let attributes = page.elements.entry(name.clone()).or_default();
                for (attribute, value) in &tag.attributes {
                    attributes.insert(text(attribute));
                    page.values.insert(text(value));
                }
                if name != "meta" {
                    open.push(name);
                }
            }
            // Whatever a text opened or closed would be seen here.
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(text(&tag.name))),
            Token::String(it) => page.text.push_str(&text(&it)),
            Token::Comment(it) => panic!("a comment: {it:?}"),
            Token::Doctype(it) => assert_eq!(text(&it.name), "html"),
            Token::Error(it) => panic!("{it:?}"),
        }
    }
    assert_eq!(open, [""; 0]);
    page
}

/// The report's own elements and attributes, and none beyond them.
const OWN: [(&str, &[&str]); 20] = [
    ("b", &[]),
    ("bdi", &[]),
    ("body", &[]),
    ("code", &[]),
    ("dd", &[]),
    ("dl", &[]),
    ("dt", &[]),
    ("h1", &[]),
    ("h2", &[]),
    ("h3", &["class"]),
    ("head", &[]),
    ("html", &["lang"]),
    ("meta", &["charset", "content", "http-equiv", "name"]),
    ("p", &["class"]),
    ("style", &[]),
    ("table", &[]),
    ("td", &["class"]),
    ("th", &["colspan"]),
    ("title", &[]),
    ("tr", &[]),
];

/// Checks that a page is made of what the report is made of, and of nothing else.
#[track_caller]
pub(super) fn check_own(page: &Page) {
    let own: BTreeMap<String, BTreeSet<String>> = OWN
        .into_iter()
        .map(|(name, attributes)| {
            (name.to_owned(), attributes.iter().map(|it| (*it).to_owned()).collect())
        })
        .collect();
    assert!(page.elements.keys().eq(own.keys()), "{:?}", page.elements.keys());
    for (element, attributes) in &page.elements {
        assert!(attributes.is_subset(&own[element]), "{element}: {attributes:?}");
    }
    let outside = page.values.iter().find(|it| it.contains("//") || it.contains("script"));
    assert_eq!(outside, None);
}

/// The reader sees what a browser would: else the checks mean nothing.
#[test]
fn what_is_not_escaped_is_seen() {
    let page = read("<p class=\"a\" onclick=\"x()\">a<script>\"</p>\"</script></p>");
    assert!(page.elements["p"].contains("onclick") && page.elements.contains_key("script"));
    assert_eq!(page.text, "a\"</p>\"");
}
