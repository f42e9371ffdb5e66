//! What holds of any text that is read as a query.

use proptest::prelude::*;

use super::tests::{bounced, of_rows, read, received, ruled};
use super::*;

fn without_spans(query: Query) -> Query {
    let all = |list: Vec<Query>| list.into_iter().map(without_spans).collect();
    match query {
        Query::And(list) => Query::And(all(list)),
        Query::Or(list) => Query::Or(all(list)),
        Query::Not(inner) => Query::Not(Box::new(without_spans(*inner))),
        Query::Clause(clause) => Query::Clause(Clause { span: Span::default(), ..clause }),
        Query::All => Query::All,
    }
}

fn term() -> impl Strategy<Value = String> {
    let all = Field::ALL.into_iter().chain(Field::OF_ROWS).map(Field::name);
    let field = proptest::sample::select(all.collect::<Vec<_>>());
    let value = prop_oneof![
        "/[a-z.*()?/\\\\ ]{1,6}/",
        "[a-z*?]{1,6}",
        "[><]=?[0-9]{1,2}[dmh]",
        "(yes|no|true|lost|failed|incoming|p*|0)",
        "[a-zA-Z0-9@.*<>-]{1,8}",
        "\"[a-z *\\PC&&[^\"\\\\]]{0,8}\"",
        "\\[[0-9.]{1,3} TO [0-9*]{1,2}[\\]}]",
        "[<>]=?[0-9]{1,2}d?",
        "\\PC{1,6}",
    ];
    (proptest::option::weighted(0.8, field), value).prop_map(|(field, value)| match field {
        Some(field) => format!("{field}:{value}"),
        None => value,
    })
}

fn query_text() -> impl Strategy<Value = String> {
    let glue = prop_oneof![
        Just(" "),
        Just(" AND "),
        Just(" OR "),
        Just(" NOT "),
        Just(" -"),
        Just(" ("),
        Just(") ")
    ];
    proptest::collection::vec((glue, term()), 1..6)
        .prop_map(|parts| parts.into_iter().map(|(glue, term)| glue.to_owned() + &term).collect())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        if let Err(error) = read(&text) {
            let _shown = (error.report(), error.to_string());
        }
    }

    #[test]
    fn no_near_query_makes_the_parser_panic(text in query_text()) {
        match read(&text) {
            Ok(query) => {
                for stored in [received(), bounced(), ruled()] {
                    let _is_found = query.matches(&stored);
                }
            }
            Err(error) => prop_assert!(!error.report().is_empty()),
        }
    }

    #[test]
    fn a_query_reads_back_from_what_it_displays(text in query_text()) {
        if let Ok(query) = of_rows(&text) {
            let shown = query.to_string();
            let again = of_rows(&shown);
            prop_assert!(again.is_ok(), "{} -> {}", text, shown);
            prop_assert_eq!(again.map(without_spans), Ok(without_spans(query)), "{}", shown);
        }
    }
}
