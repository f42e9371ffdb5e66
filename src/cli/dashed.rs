//! Queries that begin with a minus: `messages -subject:newsletter`.
//!
//! To the argument parser anything with a dash in front is an option.

use std::ffi::OsString;

/// The commands whose arguments are a query.
const COMMANDS: [&str; 4] = ["messages", "search", "stats", "triage"];

/// Marks terms with a minus as part of a query, by a blank in front, which queries ignore.
pub(crate) fn marked(arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(command) = command_in(&arguments) else { return arguments };
    // After `--` the parser takes everything as it is.
    let mut is_over = false;
    let marked = arguments.into_iter().enumerate().map(|(place, argument)| {
        is_over |= place > command && argument == "--";
        match argument.to_str().filter(|it| place > command && !is_over && is_term(it)) {
            Some(term) => format!(" {term}").into(),
            None => argument,
        }
    });
    marked.collect()
}

/// A hint for a word with a minus, which looks like options of one letter.
pub(crate) fn hint(arguments: &[OsString]) -> Option<String> {
    let command = command_in(arguments)?;
    let words = arguments.iter().skip(command + 1).take_while(|it| *it != "--");
    let word = words
        .filter_map(|it| it.to_str()?.strip_prefix('-'))
        .find(|it| it.chars().count() > 2 && it.chars().all(char::is_alphanumeric))?;
    Some(format!("to exclude the word, write 'NOT {word}'"))
}

fn command_in(arguments: &[OsString]) -> Option<usize> {
    let is_ours = |it: &OsString| COMMANDS.iter().any(|name| it == name);
    arguments.iter().skip(1).position(is_ours).map(|it| it + 1)
}

/// True if an argument is no option but a term such as `-field:value`, `-ana@acme.example` or
/// `-"a phrase"`.
fn is_term(argument: &str) -> bool {
    let Some(term) = argument.strip_prefix('-') else { return false };
    if term.starts_with(['"', '(', '*', '?', '@', '/']) {
        return term.len() > 1;
    }
    let end = term.find(|it: char| !it.is_alphanumeric() && !matches!(it, '-' | '_' | '.'));
    let (name, behind) = term.split_at(end.unwrap_or(term.len()));
    let behind = behind.chars().next();
    name.starts_with(char::is_alphabetic) && matches!(behind, Some(':' | '@' | '*' | '?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &[&str]) {
        let given = arguments.iter().map(OsString::from).collect();
        assert_eq!(marked(given), expected);
    }

    #[test]
    fn terms_with_a_minus_are_told_from_options() {
        for term in
            ["-subject:news", "-form:x", "-ana@x.y", "-@x.y", "-\"a b\"", "-(a b)", "-news*"]
        {
            check(&["m", "search", term, "-q"], &["m", "search", &format!(" {term}"), "-q"]);
        }
        for option in ["--limit=5", "-vq", "-1", "-", "--not-from:x", "-limit", "-x=a:b", "-("] {
            check(&["m", "messages", option], &["m", "messages", option]);
        }
        check(&["m", "messages", "--", "-to:x"], &["m", "messages", "--", "-to:x"]);
        check(&["m", "-to:x", "trace", "-to:x"], &["m", "-to:x", "trace", "-to:x"]);
    }

    #[test]
    fn a_bare_word_with_a_minus_gets_a_hint() {
        let hint = |it: &[&str]| hint(&it.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(hint(&["m", "search", "-newsletter"]).unwrap().contains("'NOT newsletter'"));
        assert_eq!(hint(&["m", "search", "--newsletter", "-v"]), None);
        assert_eq!(hint(&["m", "trace", "-newsletter"]), None);
    }
}
