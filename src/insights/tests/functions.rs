//! Each function, each operator.

use super::*;

/// The value of an expression over one event.
fn value(expression: &str) -> Option<String> {
    let message = json!({
        "text": "  Über 100 % ", "n": 4, "big": "1e3", "blank": " ", "empty": "", "ip": "10.1.2.3",
        "yes": true, "list": ["a", "b"], "map": {"a.b": [{"c": 7}]}, "none": [],
        "json": "{\"x\":[1,\"two\",{\"y\":null}]}", "url": "a b/ü", "hex": "0x4869",
        "date": "2026-11-23 21:34", "six": "2001:db8::1", "word": "xyZfooxyZ",
    });
    let rows = ask_of(&format!("fields {expression} as v"), &[message]);
    match &rows[0]["v"] {
        Json::Null => None,
        it => Some(it.as_str().unwrap().to_owned()),
    }
}

#[track_caller]
fn check(expression: &str, expect: &str) {
    assert_eq!(value(expression).as_deref(), Some(expect), "{expression}");
}

#[track_caller]
fn check_null(expression: &str) {
    assert_eq!(value(expression), None, "{expression}");
}

#[test]
fn arithmetic() {
    check("1 + 2 * 3", "7");
    check("(1 + 2) * 3", "9");
    check("2 ^ 3 ^ 2", "512");
    check("10 % 3", "1");
    check("-n + 1", "-3");
    check("n / 8", "0.5");
    check("big - 1", "999");
    check("7 - 2 - 1", "4");
    check_null("n / 0");
    check_null("n % 0");
    check_null("0 / 0");
    check_null("n + text");
    check_null("n + missing");
    check_null("10 ^ 400");
}

#[test]
fn comparisons_and_conditions() {
    for (expression, expect) in [
        ("n = 4", "1"),
        ("n = \"4.0\"", "1"),
        ("n != 4", "0"),
        ("n < 10", "1"),
        ("\"b\" > \"a\"", "1"),
        ("text = text", "1"),
        ("missing = missing", "0"),
        ("missing != 1", "0"),
        ("list = list", "1"),
        ("jsonParse(json) = jsonParse(json)", "0"),
        ("jsonParse(json) != 1", "0"),
        ("none = '[]'", "1"),
        ("yes = true", "1"),
        ("yes = \"true\"", "1"),
        ("yes = 1", "1"),
        ("n in [1, \"4\"]", "1"),
        ("n in []", "0"),
        ("n not in [1, 2]", "1"),
        ("missing in [1]", "0"),
        ("missing not in [1]", "0"),
        ("word like \"foo\"", "1"),
        ("word like \"FOO\"", "0"),
        ("word like /(?i)FOO/", "1"),
        ("word =~ /^xy.*Z$/", "1"),
        ("word not like /foo/", "0"),
        ("missing not like /foo/", "0"),
        ("not (n = 5)", "1"),
        ("not n = 5 and n = 4", "1"),
        ("n = 5 or n = 4 and n = 3", "0"),
        ("url like /a b[/]/", "1"),
        ("url like /b\\/ü/", "1"),
    ] {
        check(expression, expect);
    }
}

#[test]
fn numbers() {
    check("abs(-2.5)", "2.5");
    check("ceil(1.2)", "2");
    check("floor(-1.2)", "-2");
    check("greatest(1, n, \"3\")", "4");
    check("least(1, n, missing)", "1");
    check("log(1)", "0");
    check("sqrt(n)", "2");
    check("round(2.5)", "3");
    check("round(1234.567, 2)", "1234.57");
    check("round(1234.567, -2)", "1200");
    check("round(haversine(40.4168, -3.7038, 48.8566, 2.3522))", "1053");
    check("toNumber(\"12\")", "12");
    check("toInt(-1.9)", "-1");
    check("toLong(\"7.2\")", "7");
    check("toDouble(\"1.5\")", "1.5");
    check("isNumeric(n)", "1");
    check("isNumeric(text)", "0");
    check_null("log(0)");
    check_null("sqrt(-1)");
    check_null("abs(text)");
    check_null("greatest(missing)");
}

#[test]
fn times() {
    check("@timestamp", "2026-11-23 21:34:00.000");
    check("@ingestionTime", "2026-11-23 21:34:00.500");
    check("toMillis(@timestamp)", "1795469640000");
    check("fromMillis(1795469640000)", "2026-11-23 21:34:00.000");
    check("bin(1h)", "2026-11-23 21:00:00.000");
    check("BIN(300s)", "2026-11-23 21:30:00.000");
    check("datefloor(@timestamp, 1d)", "2026-11-23 00:00:00.000");
    check("dateceil(@timestamp, 1mo)", "2026-12-01 00:00:00.000");
    check("now()", "1795469700");
    check("queryEndTime() - queryStartTime()", "9");
    check("queryTimeRange()", "9");
    check("parseDate(date, \"yyyy-MM-dd HH:mm\")", "1795469640000");
    check("parseDate(date, \"yyyy-MM-dd HH:mm\", \"Europe/Madrid\")", "1795466040000");
    check("formatDate(@timestamp, \"%d.%m.%Y\")", "23.11.2026");
    check("strftime(@timestamp, \"%H:%M\", \"Asia/Tokyo\")", "06:34");
    check_null("parseDate(text, \"yyyy\")");
    check_null("formatDate(text, \"%Y\")");
    check_null("strftime(@timestamp, \"%Y\", \"Nowhere\")");
    check_null("datefloor(missing, 1h)");
}

#[test]
fn general_functions() {
    check("ispresent(n)", "1");
    check("isPresent(missing)", "0");
    check("coalesce(missing, empty, n)", "");
    check("case(n = 1, \"one\", n = 4, \"four\", \"else\")", "four");
    check("case(n = 1, \"one\", \"else\")", "else");
    check_null("case(n = 1, \"one\")");
    check("if(n > 3, \"many\", \"few\")", "many");
    check("messageSize(word)", "9");
    check("messageSize() > 100", "1");
}

#[test]
fn texts() {
    check("isempty(empty)", "1");
    check("isempty(missing)", "1");
    check("isempty(blank)", "0");
    check("isblank(blank)", "1");
    check("concat(n, \"-\", missing, word)", "4-xyZfooxyZ");
    check("trim(text)", "Über 100 %");
    check("ltrim(text)", "Über 100 % ");
    check("rtrim(text)", "  Über 100 %");
    check("trim(word, \"xyZ\")", "foo");
    check("ltrim(word, \"xyZ\")", "fooxyZ");
    check("rtrim(word, \"xyZ\")", "xyZfoo");
    check("strlen(text)", "13");
    check("toupper(url)", "A B/Ü");
    check("tolower(word)", "xyzfooxyz");
    check("substr(word, 3, 3)", "foo");
    check("substr(word, 6)", "xyZ");
    check("substr(word, 99)", "");
    check("substr(text, 2, 1)", "Ü");
    check("replace(word, \"xyZ\", \"-\")", "-foo-");
    check("replace(word, \"\", \"-\")", "xyZfooxyZ");
    check("regexReplace(word, \"(?i)[xyz]+(o*)\", \"<$1>\")", "<>foo<>");
    check("regex_replace(word, \"o+\", \"0\")", "xyZf0xyZ");
    check("strcontains(word, \"foo\")", "1");
    check("strcontains(word, \"FOO\", true)", "1");
    check("strcontains(missing, \"foo\")", "0");
    check("startsWith(word, \"xy\")", "1");
    check("endsWith(word, \"xy\")", "0");
    check("urlencode(url)", "a%20b%2F%C3%BC");
    check("urldecode(\"a%20b%2f%C3%BC%zz%\")", "a b/ü%zz%");
    check("base64encode(\"Hi\")", "SGk=");
    check("base64decode(\"SGk=\")", "Hi");
    check("hexToAscii(hex)", "Hi");
    check("hexToDec(\"ff\")", "255");
    check("decToHex(255)", "ff");
    check_null("base64decode(text)");
    check_null("hexToDec(text)");
    check_null("toupper(missing)");
    check_null("toupper(jsonParse(json))");
}

#[test]
fn maps_and_lists() {
    check("jsonParse(json).x[1]", "two");
    check("jsonStringify(jsonParse(json))", "{\"x\":[1,\"two\",{\"y\":null}]}");
    check("jsonParse(@message).map.`a.b`[0].c", "7");
    check("list[1]", "b");
    check("list.0", "a");
    check("list", "[\"a\",\"b\"]");
    check("map", "{\"a.b\":[{\"c\":7}]}");
    check("jsonArraySize(list)", "2");
    check("jsonArraySize(none)", "0");
    check("jsonArrayContains(list, \"b\")", "1");
    check("jsonArrayContains(list, \"c\")", "0");
    check("jsonArraySize(split(\"a,b,c\", \",\"))", "3");
    check("split(\"a,b\", \",\")[1]", "b");
    check_null("jsonParse(text)");
    check_null("jsonParse(n)");
    check_null("jsonParse(json).x[9]");
    check_null("jsonParse(json).x[2].y");
    check_null("jsonArraySize(map)");
    check_null("split(word, \"\")");
}

#[test]
fn addresses() {
    check("isValidIp(ip)", "1");
    check("isValidIpV4(six)", "0");
    check("isValidIpV6(six)", "1");
    check("isIpInSubnet(ip, \"10.0.0.0/8\")", "1");
    check("isIpv4InSubnet(ip, \"10.1.2.4/32\")", "0");
    check("isIpv6InSubnet(six, \"2001:db8::/32\")", "1");
    check("isIpInSubnet(ip, \"0.0.0.0/0\")", "1");
    check("isIpInSubnet(ip, \"10.0.0.0/33\")", "0");
    check("ipv4ToNumber(\"0.0.1.2\")", "258");
    check("isPrivateIP(ip)", "1");
    check("isPublicIP(\"8.8.8.8\")", "1");
    check("isPublicIP(ip)", "0");
    check("isReservedIP(\"127.0.0.1\")", "1");
    check("isReservedIP(six)", "1");
    check_null("ipv4ToNumber(six)");
}

#[test]
fn a_text_that_grows_beyond_its_bound_is_an_excess() {
    let doubled: Vec<String> =
        (1..24).map(|it| format!("concat(a{0}, a{0}) as a{it}", it - 1)).collect();
    let query = format!("fields @message as a0, {}", doubled.join(", "));
    let program = compile(&parse(&query).unwrap(), Instants::default()).unwrap();
    let record = record(0, &format!("{{\"a\":\"{}\"}}", "x".repeat(1_000)));
    let event = EventRow { record: &record, location: Location::from_bits(0), found: &[] };
    let cells = vec![Value::Null; program.first.cell_count];
    let mut scope = Scope { event: Some(event), cells, ..Scope::default() };
    let ran = run(&program.first.ops, &mut scope, &mut 0, &mut |_| Ok(()));
    assert_eq!(ran, Err(steps::Excess::Text));
}
