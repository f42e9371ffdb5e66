//! The period of a question, as form fields and as links.

use crate::serve::Parameters;

/// The content of a question's form.
#[derive(Clone, Debug, Default)]
pub(super) struct QuestionForm {
    /// The parameter that holds the question itself, and the label of its field.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) q: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) on: String,
    /// Other parameters of the question, which the form keeps.
    pub(super) others: Vec<(String, String)>,
    /// Each of `others` as an option, with the link to the question without it.
    pub(super) options: Vec<(String, String)>,
    pub(super) periods: Vec<PeriodChoice>,
}

/// A period that is often asked for.
#[derive(Clone, Debug)]
pub(super) struct PeriodChoice {
    pub(super) word: &'static str,
    pub(super) href: String,
    pub(super) is_chosen: bool,
}

/// The words of the links, and the parameter that each sets.
const PERIODS: [(&str, Option<(&str, &str)>); 7] = [
    ("Hour", Some(("since", "1h"))),
    ("Today", Some(("on", "today"))),
    ("Yesterday", Some(("on", "yesterday"))),
    ("24 hours", Some(("since", "24h"))),
    ("7 days", Some(("since", "7d"))),
    ("30 days", Some(("since", "30d"))),
    ("All", None),
];

impl QuestionForm {
    /// Makes the form of a question that has a query.
    pub(super) fn of(parameters: &Parameters, page: &str) -> Self {
        Self::asking(parameters, page, "q", "Query")
    }

    /// Makes the form of a question that has the parameter `asked`, under this label.
    pub(super) fn asking(
        parameters: &Parameters,
        page: &str,
        asked: &'static str,
        label: &'static str,
    ) -> Self {
        let get = |name: &str| parameters.text(name).to_owned();
        let timeless = parameters.timeless();
        let periods = PERIODS.into_iter().map(|(word, choice)| {
            let question = match choice {
                Some((name, value)) => timeless.with(name, value),
                None => timeless.clone(),
            };
            // Compared as written: `24h` typed by hand marks its link too, an equal timestamp does
            // not.
            let times = ["since", "until", "on"].map(|it| parameters.text(it));
            let chosen = ["since", "until", "on"].map(|it| question.text(it));
            PeriodChoice { word, href: format!("{page}?{question}"), is_chosen: times == chosen }
        });
        let is_other = |name: &str| ![asked, "since", "until", "on", "cursor"].contains(&name);
        let others: Vec<(String, String)> = parameters
            .iter()
            .filter(|(name, value)| is_other(name) && !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        // The order has links of its own.
        let named = others.iter().filter(|(name, _)| name != "sort");
        let options = named.map(|(name, value)| {
            (format!("--{name} {value}"), format!("{page}?{}", parameters.without(name)))
        });
        Self {
            name: asked,
            label,
            q: get(asked),
            since: get("since"),
            until: get("until"),
            on: get("on"),
            options: options.collect(),
            periods: periods.collect(),
            others,
        }
    }
}
