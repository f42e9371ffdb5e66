//! Patterns as in IAM: `*` stands for any characters, `?` for one.

/// Whether a text fits a pattern. Takes time in proportion to the product of the two lengths.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where the last star stands, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(place) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                place = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|it| *it == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_anything_and_marks_for_one() {
        for (pattern, text) in
            [("", ""), ("*", ""), ("a*c", "abbc"), ("a?c", "abc"), ("*a*b*", "xaxbx"), ("**", "a")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a?", "a"), ("a*c", "ab"), ("A", "a"), ("*ab", "aba")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    /// The plainest definition.
    fn fits_plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                fits_plainly(&pattern[1..], text)
                    || (!text.is_empty() && fits_plainly(pattern, &text[1..]))
            }
            (Some('?'), Some(_)) => fits_plainly(&pattern[1..], &text[1..]),
            (Some(wanted), Some(found)) => {
                wanted == found && fits_plainly(&pattern[1..], &text[1..])
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_what_the_plainest_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (wanted, found): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(fits(&pattern, &text), fits_plainly(&wanted, &found));
        }
    }
}
