//! Reading, writing and comparing IAM policy documents.
//!
//! IAM allows many spellings of one policy (a list of one for a text, one statement for a list of
//! one, any order, action names in any case). Two policies are equal here if they mean the same.
//! See the IAM user guide, "IAM JSON policy element reference".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json;
use crate::text::{fits, iam_pattern};

/// The version of the policy language that we write.
const VERSION: &str = "2012-10-17";

/// A policy document.
#[derive(Clone, Debug, Serialize, Deserialize)]
// Unknown members are an error: a policy that is not understood in full must not pass a review.
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// The language's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A name without meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statements.
    #[serde(rename = "Statement", deserialize_with = "one_or_more")]
    pub statements: Vec<PolicyStatement>,
}

/// The error for a text that is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IAM policy: {detail}")]
pub struct PolicyError {
    detail: String,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Effect {
    /// Permits, unless a statement denies.
    Allow,
    /// Forbids, even if a statement allows.
    Deny,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PolicyStatement {
    /// A name without meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// In a trust policy, who the statement is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// Everybody else than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_principal: Option<Principal>,
    /// The actions.
    #[serde(default, skip_serializing_if = "PolicyValues::is_empty")]
    pub action: PolicyValues,
    /// All actions but these.
    #[serde(default, skip_serializing_if = "PolicyValues::is_empty")]
    pub not_action: PolicyValues,
    /// The resources.
    #[serde(default, skip_serializing_if = "PolicyValues::is_empty")]
    pub resource: PolicyValues,
    #[serde(default, skip_serializing_if = "PolicyValues::is_empty")]
    pub not_resource: PolicyValues,
    /// The conditions, by operator, then by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: Conditions,
}

/// The conditions of a statement, by operator, then by key.
pub type Conditions = BTreeMap<String, BTreeMap<String, PolicyValues>>;

/// The principal of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Principal {
    /// `*`: anybody.
    Text(String),
    /// By kind, such as `Service` or `AWS`.
    ByKind(BTreeMap<String, PolicyValues>),
}

/// Texts in no order; a single one is written without a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
// A set, so that order and repetitions do not count when policies are compared.
pub struct PolicyValues(BTreeSet<String>);

impl PolicyValues {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// True if `text` matches one of the texts as a pattern with `*` and `?`.
    pub fn fits(&self, text: &str) -> bool {
        self.iter().any(|it| fits(iam_pattern(it), text))
    }

    fn lowercased(&self) -> Self {
        self.iter().map(str::to_lowercase).collect()
    }
}

impl<T: Into<String>> FromIterator<T> for PolicyValues {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        Self(texts.into_iter().map(Into::into).collect())
    }
}

impl From<&str> for PolicyValues {
    fn from(text: &str) -> Self {
        [text].into_iter().collect()
    }
}

impl fmt::Display for PolicyValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.iter().collect();
        formatter.write_str(&texts.join(", "))
    }
}

impl Serialize for PolicyValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.first() {
            Some(only) if self.0.len() == 1 => only.serialize(serializer),
            _ => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PolicyValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = one_or_more::<D, Scalar>(deserializer)?;
        Ok(texts.into_iter().map(|it| it.0).collect())
    }
}

/// A text, or a number or boolean, which conditions accept for a text.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
                Ok(Self(value.to_string()))
            }
            other => Err(serde::de::Error::custom(format!("{other} where a string is expected"))),
        }
    }
}

fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore<T> {
        More(Vec<T>),
        One(T),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::More(values) => values,
        OneOrMore::One(value) => vec![value],
    })
}

impl Policy {
    /// A policy with these statements.
    pub fn new(statements: impl IntoIterator<Item = PolicyStatement>) -> Self {
        let statements = statements.into_iter().collect();
        Self { version: Some(VERSION.to_owned()), id: None, statements }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if it is not a policy, or has unknown members.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        serde_json::from_str(json).map_err(|error| PolicyError { detail: error.to_string() })
    }

    /// The document on one line.
    pub fn to_json(&self) -> String {
        json::text(self)
    }

    /// The document for people to read.
    pub fn to_pretty_json(&self) -> String {
        format!("{:#}", json::value(self))
    }

    /// True if an identity with this policy alone may do `action` on `resource`. Counts every
    /// denial, but an allowance only if it has no condition.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        let is_about = |it: &PolicyStatement| it.is_about(action, resource);
        let denies = |it: &PolicyStatement| it.effect == Effect::Deny && is_about(it);
        // A condition depends on the request, which is unknown here. So both readings err towards
        // "not allowed".
        let allows = |it: &PolicyStatement| {
            it.effect == Effect::Allow && it.condition.is_empty() && is_about(it)
        };
        self.statements.iter().any(allows) && !self.statements.iter().any(denies)
    }

    /// The statements without names, in one order and one spelling.
    fn normalised(&self) -> BTreeSet<PolicyStatement> {
        self.statements.iter().map(PolicyStatement::normalised).collect()
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.normalised() == other.normalised()
    }
}

impl Eq for Policy {}

impl PolicyStatement {
    /// A statement that allows actions.
    pub fn allowing<'a>(actions: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            sid: None,
            effect: Effect::Allow,
            principal: None,
            not_principal: None,
            action: actions.into_iter().collect(),
            not_action: PolicyValues::default(),
            resource: PolicyValues::default(),
            not_resource: PolicyValues::default(),
            condition: Conditions::new(),
        }
    }

    /// Adds a name.
    pub fn named(self, sid: &str) -> Self {
        Self { sid: Some(sid.to_owned()), ..self }
    }

    /// Adds resources.
    pub fn on(self, resources: impl IntoIterator<Item = String>) -> Self {
        Self { resource: resources.into_iter().collect(), ..self }
    }

    /// Adds a condition.
    pub fn when(mut self, operator: &str, key: &str, value: &str) -> Self {
        let keys = self.condition.entry(operator.to_owned()).or_default();
        keys.insert(key.to_owned(), value.into());
        self
    }

    fn is_about(&self, action: &str, resource: &str) -> bool {
        // IAM ignores case in action names.
        let action = action.to_lowercase();
        let is_action = match self.not_action.is_empty() {
            true => self.action.lowercased().fits(&action),
            false => !self.not_action.lowercased().fits(&action),
        };
        let is_resource = match self.not_resource.is_empty() {
            true => self.resource.fits(resource),
            false => !self.not_resource.fits(resource),
        };
        is_action && is_resource
    }

    fn normalised(&self) -> Self {
        // Condition keys ignore case in IAM; values do not.
        let condition = self.condition.iter().map(|(operator, keys)| {
            let keys = keys.iter().map(|(key, values)| (key.to_lowercase(), values.clone()));
            (operator.to_lowercase(), keys.collect())
        });
        Self {
            sid: None,
            action: self.action.lowercased(),
            not_action: self.not_action.lowercased(),
            condition: condition.collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Policy {
        Policy::parse(json).unwrap()
    }

    #[test]
    fn spelling_and_order_say_nothing() {
        let one = policy(
            r#"{"Version":"2012-10-17","Statement":[
                {"Sid":"A","Effect":"Allow","Action":["logs:B","logs:A"],"Resource":"x"},
                {"Effect":"Deny","Action":"s3:*","Resource":["*"],
                 "Condition":{"StringEquals":{"aws:SourceAccount":["1"]}}}]}"#,
        );
        let other = policy(
            r#"{"Version":"2012-10-17","Id":"i","Statement":[
                {"Effect":"Deny","Action":"S3:*","Resource":"*",
                 "Condition":{"stringequals":{"AWS:sourceaccount":1}}},
                {"Effect":"Allow","Action":["logs:A","LOGS:b"],"Resource":["x"]}]}"#,
        );
        assert_eq!(one, other);
        assert_eq!(one, policy(&one.to_json()));
        assert_eq!(one, policy(&one.to_pretty_json()));
    }

    #[test]
    fn what_says_something_else_differs() {
        let base = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"a"},"Action":"x:Y","Resource":"r","Condition":{"StringEquals":{"k":"v"}}}}"#;
        for (from, to) in [
            ("Allow", "Deny"),
            ("x:Y", "x:Z"),
            ("\"r\"", "\"R\""),
            ("\"v\"", "\"V\""),
            ("StringEquals", "StringLike"),
            ("Service", "AWS"),
            ("2012", "2008"),
            ("\"k\"", "\"l\""),
            ("Action", "NotAction"),
        ] {
            assert_ne!(policy(base), policy(&base.replace(from, to)), "{from} -> {to}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"Statement":[{"Effect":"allow"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Actions":"x"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Action":{"a":1}}]}"#,
        ] {
            let error = Policy::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("not an IAM policy: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_policy_tells_what_it_allows() {
        let policy = policy(
            r#"{"Statement":[
                {"Effect":"Allow","Action":"logs:Put*","Resource":"arn:aws:logs:*:1:log-group:/a:*"},
                {"Effect":"Allow","Action":"logs:CreateLogStream","Resource":"*",
                 "Condition":{"Bool":{"aws:SecureTransport":true}}},
                {"Effect":"Deny","Action":"*","Resource":"arn:aws:logs:eu-west-1:1:log-group:/a:x"}]}"#,
        );
        let put = |resource| policy.allows("logs:putlogevents", resource);
        assert!(put("arn:aws:logs:eu-west-1:1:log-group:/a:log-stream:s"));
        assert!(!put("arn:aws:logs:eu-west-1:1:log-group:/ab:log-stream:s"));
        assert!(!put("arn:aws:logs:eu-west-1:1:log-group:/a:x"));
        assert!(!policy.allows("logs:CreateLogStream", "x"));
    }
}
