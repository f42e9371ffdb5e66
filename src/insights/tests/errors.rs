//! What is refused, and where.

use super::*;
use crate::insights::error::InsightsErrorKind;
use crate::limits;

/// The part of the query that an error is about, and what it says.
fn refused(query: &str) -> (String, String) {
    let error = match parse(query) {
        Ok(parsed) => compile(&parsed, Instants::default()).err(),
        Err(error) => Some(error),
    };
    let error = error.unwrap_or_else(|| panic!("not refused: {query}"));
    let place = query.get(error.span.start..error.span.end).unwrap().to_owned();
    // Every error can be shown.
    assert!(error.report().lines().count() >= 3, "{}", error.report());
    (place, error.kind.to_string())
}

#[track_caller]
fn check(query: &str, place: &str, words: &str) {
    let (at, said) = refused(query);
    assert_eq!(at, place, "{query}: {said}");
    assert!(said.contains(words), "{query}: {said}");
}

#[test]
fn commands_are_refused_by_name_and_place() {
    check("", "", "expected a command");
    check("| fields a", "|", "a command");
    check("fields a |", "", "a command");
    check("fields a | pattern @message", "pattern", "\"pattern\" is not supported");
    for name in [
        "diff",
        "anomaly",
        "unmask",
        "join",
        "lookup",
        "head",
        "tail",
        "sessionize",
        "fillmissing",
        "countFrequent",
    ] {
        let query = format!("fields a\n| {name} 5");
        check(&query, name, "is not supported");
    }
    check("feilds a", "feilds", "unknown command \"feilds\"");
    check("SOURCE logGroups(namePrefix: ['x']) | fields a", "logGroups", "is not supported");
    check("SOURCE 'g'", "", "| and a command");
    check("fields a b", "b", "| or the end");
}

#[test]
fn signs_of_other_languages_are_refused_with_ours() {
    check("filter a == 1", "==", "\"==\" is not an operator here");
    check("filter a = 1 && b = 2", "&&", "not an operator");
    check("filter a = 1 || b = 2", "||", "not an operator");
    check("filter a <> 1", "<>", "not an operator");
    check("filter !ispresent(a)", "!", "not an operator");
    check("filter a ? 1", "?", "expected a name, a value or an operator");
}

#[test]
fn what_is_left_open_is_named() {
    check("filter a = \"x", "\"", "this quote is never closed");
    check("filter a like /x", "/", "this slash is never closed");
    check("fields `a", "`", "this backtick is never closed");
    check("filter (a = 1", "", "expected )");
    check("filter a in [1, 2", "", ", or ]");
    check("filter a in (SOURCE 'x' | fields a)", "(", "a query within a query");
    check("filter a not = 1", "=", "like or in");
    check("filter a like b", "b", "a text in quotes");
    check("filter a like /x/i", "i", "a flag after the regular expression");
}

#[test]
fn functions_are_checked() {
    check("fields md5(@message)", "md5", "unknown function \"md5\"");
    check("fields strlen()", "strlen", "strlen takes one argument");
    check("fields substr(a)", "substr", "substr takes 2 to 3 arguments");
    check("fields bin(5)", "5", "a period");
    check("fields bin(5x)", "5x", "\"5x\" is not a period");
    check("fields bin(0s)", "0s", "is not a period");
    check("fields datefloor(a)", ")", ", and a period");
    check("stats pct(a)", "pct", "pct takes 2 arguments");
    check("stats pct(a, 101)", "101", "a number from 0 to 100");
    check("stats sum()", "sum", "sum takes one argument");
    check("fields regexReplace(a, '(', 'x')", "'('", "not a valid regular expression");
    check("fields regexReplace(a, b, 'x')", "b", "a pattern that is not a text in quotes");
    check("fields parseDate(a, 'QQ')", "'QQ'", "cannot read the time pattern");
    check("fields formatDate(a, '%!')", "'%!'", "cannot read the time pattern");
    let branches = "a, 1, ".repeat(11);
    check(&format!("fields case({branches}2)"), "case", "case takes 2 to 21 arguments");
}

#[test]
fn names_that_are_no_longer_there_are_refused() {
    check(
        "stats count(*) as c by a | sort @timestamp",
        "@timestamp",
        "there is no \"@timestamp\" after stats",
    );
    check("stats count(*) as c by a | display b", "b", "there is no \"b\" after stats");
    check("stats count(*) as c, b by a", "b", "there is no \"b\" after stats");
    check("stats count(*) as c by a | stats max(b)", "b", "there is no \"b\" after stats");
    check("stats count(*) as c by a | stats max(c) by bin(1h)", "bin(1h)", "no @timestamp");
    check("stats count(*) as c by a | stats latest(c)", "latest(c)", "no @timestamp");
    check("stats count(*) as c by a | filter c > 1 or b = 2", "c > 1 or b = 2", "this mixes");
    check("stats sum(max(a))", "max(a)", "cannot be nested");
    check("filter count(*) > 1", "count(*)", "works only in stats");
    check("stats count(*) by a | filter sum(b) > 1", "sum(b)", "works only in stats");
    check("fields @entity", "@entity", "no event of the store has \"@entity\"");
    check("filter @timestamp > '2026-11-23'", "@timestamp > '2026-11-23'", "a date string");
}

#[test]
fn commands_have_their_places() {
    check("limit 5 | stats count(*)", "limit", "limit cannot come before stats");
    check("dedup a | filter b = 1", "filter", "after dedup");
    check("stats count(*) as c by a | sort c | stats max(c)", "sort", "before stats");
    let many = "stats count(*) as c | ".repeat(11) + "limit 1";
    let (place, said) = refused(&many.replacen("| limit", "| sort c | limit", 1));
    assert_eq!((place.as_str(), said.as_str()), ("stats", "a query can have at most 10 stats"));
    check("limit many", "many", "a number of rows");
    check("limit 1.5", "1.5", "not a valid number");
    check("limit 99999999", "99999999", "not a valid number");
    check("parse @message \"* *\" as a", "\"* *\"", "the pattern has 2 * and 1 names");
    check("parse @message /x(y)/", "/x(y)/", "a group with a name");
    check("parse @message x", "x", "a pattern in quotes");
    check("unnest a", "", "into and a name");
    check("expand strlen(a)", "strlen(a)", "a field");
    check(&format!("{}limit 1", "expand a | ".repeat(5)), "expand", "so often");
}

#[test]
fn size_and_depth_are_bounded() {
    let long = format!("fields {}", "a".repeat(limits::QUERY_BYTES_MAX));
    assert_eq!(parse(&long).unwrap_err().kind, InsightsErrorKind::TooLong);
    for (open, close) in [("(", ")"), ("not (", ")"), ("abs(", ")"), ("-", ""), ("not ", "")] {
        let nested =
            |depth: usize| format!("filter {}a{}", open.repeat(depth), close.repeat(depth));
        assert!(parse(&nested(20)).is_ok(), "{open}");
        assert_eq!(parse(&nested(500)).unwrap_err().kind, InsightsErrorKind::TooDeep, "{open}");
    }
    for operator in ["+", "*", "^"] {
        let chain = |count: usize| format!("fields {}a", format!("a{operator}").repeat(count));
        assert!(parse(&chain(50)).is_ok(), "{operator}");
        assert_eq!(
            parse(&chain(2_000)).unwrap_err().kind,
            InsightsErrorKind::TooDeep,
            "{operator}"
        );
    }
    // Those of one level are many without being deep.
    let wide = format!("filter a = 1{}", " or a = 1".repeat(700));
    assert!(try_ask(&wide, &[]).is_ok());
    for regex in ["(a{1000}){1000}", "\\pL{2000}\\pL{2000}", &"(".repeat(2_000)] {
        let (_, said) = refused(&format!("filter a like /{regex}/"));
        assert!(said.contains("not a valid regular expression"), "{said}");
    }
}

#[test]
fn an_error_shows_its_line() {
    let error = parse("fields a # what is shown\n| filter b like /(x/\n| limit 5").unwrap_err();
    let report = error.report();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[1..3], ["  | filter b like /(x/", "                  ^~~~"], "{report}");
    assert!(lines[0].ends_with("(line 2)"), "{report}");
    assert!(error.to_string().contains("(line 2, column 17)"), "{error}");
    let error = parse("fields \u{1b}[35m").unwrap_err();
    assert!(!error.report().contains('\u{1b}') && !error.to_string().contains('\u{1b}'));
}
