//! Conditions on numbers: `--fail-if 'lost > 0'`.

use std::fmt;
use std::str::FromStr;

/// A condition under which the command fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) metric: String,
    comparison: Comparison,
    bound: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Not,
    Above,
    Below,
    Equal,
}

impl Comparison {
    /// Longer signs first: one may begin with another.
    const SIGNS: [(&'static str, Self); 7] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("!=", Self::Not),
        ("==", Self::Equal),
        (">", Self::Above),
        ("<", Self::Below),
        ("=", Self::Equal),
    ];

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, it)| *it == self).map_or("", |(sign, _)| *sign)
    }
}

impl Condition {
    /// True if the condition holds for a number.
    pub(crate) fn holds(&self, number: u64) -> bool {
        match self.comparison {
            Comparison::AtLeast => number >= self.bound,
            Comparison::AtMost => number <= self.bound,
            Comparison::Not => number != self.bound,
            Comparison::Above => number > self.bound,
            Comparison::Below => number < self.bound,
            Comparison::Equal => number == self.bound,
        }
    }

    /// The first condition that holds, with its number; an error if a name is not among `known`.
    pub(crate) fn first_that_holds<'c>(
        conditions: &'c [Self],
        known: &[&str],
        number: impl Fn(&str) -> Option<u64>,
    ) -> anyhow::Result<Option<(&'c Self, u64)>> {
        for condition in conditions {
            let number = number(&condition.metric).ok_or_else(|| {
                let metric = &condition.metric;
                anyhow::anyhow!("--fail-if: \"{metric}\" is not one of {}", known.join(", "))
            })?;
            if condition.holds(number) {
                return Ok(Some((condition, number)));
            }
        }
        Ok(None)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.metric, self.comparison.sign(), self.bound)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let start = text.find(['<', '>', '=', '!'])?;
            let (metric, rest) = text.split_at_checked(start)?;
            let (sign, comparison) =
                Comparison::SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
            let bound = rest.strip_prefix(sign)?.trim().parse().ok()?;
            let metric = metric.trim().to_owned();
            (!metric.is_empty()).then_some(Self { metric, comparison: *comparison, bound })
        };
        read().ok_or_else(|| "give a condition such as 'lost > 0'".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare() {
        for (text, number, expect) in [
            ("lost > 0", 1, true),
            ("lost>0", 0, false),
            (" lost >= 3 ", 3, true),
            ("lost <= 3", 4, false),
            ("lost < 3", 2, true),
            ("lost != 3", 3, false),
            ("lost == 3", 3, true),
            ("lost=3", 2, false),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(
                (condition.metric.as_str(), condition.holds(number)),
                ("lost", expect),
                "{text}"
            );
        }
        for text in ["", "lost", "> 3", "lost > x", "lost > -1", "lost >> 3", "lost > 3 4"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
        assert_eq!("lost>0".parse::<Condition>().unwrap().to_string(), "lost > 0");
    }
}
