//! Random queries, beside a plain reading of all events.

use proptest::prelude::*;

use super::*;

/// A condition, and what it says of an event by a plain reading.
#[derive(Clone, Debug)]
enum Condition {
    Compare(&'static str, &'static str, String),
    Like(&'static str, String, bool),
    In(&'static str, Vec<String>, bool),
    Present(&'static str),
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

const FIELDS: [&str; 4] = ["a", "b.c", "list.0", "missing"];

fn literal() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,2}", "[ab]{1,2}", Just("2.0".to_owned()), Just(String::new())]
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = || prop::sample::select(&FIELDS[..]);
    let operator = prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]);
    let leaf = prop_oneof![
        (field(), operator, literal()).prop_map(|(f, o, l)| Condition::Compare(f, o, l)),
        (field(), "[ab0-9]{1,2}", any::<bool>()).prop_map(|(f, l, n)| Condition::Like(f, l, n)),
        (field(), prop::collection::vec(literal(), 0..3), any::<bool>())
            .prop_map(|(f, l, n)| Condition::In(f, l, n)),
        field().prop_map(Condition::Present),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Condition::Not),
            (boxed(), boxed()).prop_map(|(a, b)| Condition::Both(a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Condition::Either(a, b)),
        ]
    })
}

fn event() -> impl Strategy<Value = Json> {
    let scalar = || {
        prop_oneof![
            Just(Json::Null),
            literal().prop_map(Json::from),
            (0..30_i64).prop_map(Json::from),
        ]
    };
    (scalar(), scalar(), prop::collection::vec(scalar(), 0..2))
        .prop_map(|(a, c, list)| json!({"a": a, "b": {"c": c}, "list": list}))
}

fn read(event: &Json, field: &str) -> Option<String> {
    let mut value = event;
    for step in field.split('.') {
        value = match step.parse::<usize>() {
            Ok(index) => value.get(index)?,
            Err(_) => value.get(step)?,
        };
    }
    match value {
        Json::Null => None,
        Json::String(it) => Some(it.clone()),
        other => Some(other.to_string()),
    }
}

fn compared(value: &str, operator: &str, literal: &str) -> bool {
    let number = |it: &str| it.parse::<f64>().ok();
    let order = match (number(value), number(literal)) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
        _ => value.cmp(literal),
    };
    match operator {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

impl Condition {
    fn holds(&self, event: &Json) -> bool {
        match self {
            Self::Compare(field, operator, literal) => {
                read(event, field).is_some_and(|it| compared(&it, operator, literal))
            }
            Self::Like(field, part, is_negated) => {
                read(event, field).is_some_and(|it| it.contains(part.as_str()) != *is_negated)
            }
            Self::In(field, list, is_negated) => read(event, field)
                .is_some_and(|it| list.iter().any(|of| compared(&it, "=", of)) != *is_negated),
            Self::Present(field) => read(event, field).is_some(),
            Self::Not(it) => !it.holds(event),
            Self::Both(a, b) => a.holds(event) && b.holds(event),
            Self::Either(a, b) => a.holds(event) || b.holds(event),
        }
    }

    fn text(&self) -> String {
        let not = |is_negated: &bool| if *is_negated { "not " } else { "" };
        match self {
            Self::Compare(field, operator, literal) => format!("{field} {operator} \"{literal}\""),
            Self::Like(field, part, is_negated) => {
                format!("{field} {}like '{part}'", not(is_negated))
            }
            Self::In(field, list, is_negated) => {
                let list: Vec<String> = list.iter().map(|it| format!("'{it}'")).collect();
                format!("{field} {}in [{}]", not(is_negated), list.join(", "))
            }
            Self::Present(field) => format!("isPresent({field})"),
            Self::Not(it) => format!("not ({})", it.text()),
            Self::Both(a, b) => format!("({}) and ({})", a.text(), b.text()),
            Self::Either(a, b) => format!("({} or {})", a.text(), b.text()),
        }
    }
}

proptest! {
    #[test]
    fn filters_find_what_a_plain_reading_does(condition in condition(), events in prop::collection::vec(event(), 0..12)) {
        let expect: Vec<usize> =
            (0..events.len()).filter(|it| condition.holds(&events[*it])).collect();
        let numbered: Vec<Json> = events.iter().enumerate().map(|(index, event)| {
            let mut event = event.clone();
            event["id"] = index.into();
            event
        }).collect();
        let text = condition.text();
        let ids = |query: &str| -> Vec<usize> {
            let rows = ask_of(query, &numbered);
            rows.iter().map(|it| it["id"].as_str().unwrap().parse().unwrap()).collect()
        };
        prop_assert_eq!(&ids(&format!("fields id | filter {text} | sort @timestamp asc")), &expect, "{}", text);
        let mut newest_first = ids(&format!("filter {text} | display id"));
        newest_first.reverse();
        prop_assert_eq!(&newest_first, &expect);
        let counted = ask_of(&format!("stats count(*) as n | filter {text}"), &numbered);
        prop_assert_eq!(counted[0]["n"].as_f64(), Some(expect.len() as f64), "{}", text);
    }

    #[test]
    fn groups_count_what_a_plain_reading_does(events in prop::collection::vec(event(), 0..12)) {
        let mut expect: Vec<(Option<String>, f64)> = Vec::new();
        for event in &events {
            let key = read(event, "a");
            match expect.iter_mut().find(|it| it.0 == key) {
                Some(it) => it.1 += 1.0,
                None => expect.push((key, 1.0)),
            }
        }
        let mut rows: Vec<(Option<String>, f64)> = ask_of("stats count(*) as n by a", &events)
            .iter()
            .map(|it| (it["a"].as_str().map(str::to_owned), it["n"].as_f64().unwrap()))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        expect.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(rows, expect);
    }

    /// Whatever is typed is answered or refused, at a place within it.
    #[test]
    fn no_query_makes_it_panic(text in "(fields|filter|stats|parse|sort|by|as|like|in|not|count|bin|[a-z@.]{1,4}|[0-9]{1,3}[smx]?|[|,()\\[\\]=~<>!+*/%^'\"`#-]|\\\\|\\PC| |\n){0,24}") {
        match try_ask(&text, &[json!({"a": 1})]) {
            Ok(_) => {}
            Err(error) => {
                prop_assert!(error.span.start <= text.len(), "{:?}", error);
                prop_assert!(text.is_char_boundary(error.span.start));
                prop_assert!(!error.report().is_empty());
            }
        }
    }
}
