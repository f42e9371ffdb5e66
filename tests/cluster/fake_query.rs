//! What a cluster finds, and how it counts: as far as it is asked to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Values by which hits are in order, so that they compare: numbers as such, texts as texts.
pub(crate) fn rank(sort: &Value) -> Vec<(Option<u64>, Option<String>)> {
    let values = sort.as_array().unwrap().iter();
    values.map(|it| (it.as_u64(), it.as_str().map(str::to_owned))).collect()
}

fn values_of<'s>(source: &'s Value, field: &str) -> &'s [Value] {
    match &source[field] {
        Value::Null => &[],
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

/// A page of the values of a field, each with the first document that has it where that is asked.
pub(crate) fn composite(found: &[&Value], asked: &Value) -> Value {
    let composite = &asked["composite"];
    let (name, source) = composite["sources"][0].as_object().unwrap().iter().next().unwrap();
    let field = source["terms"]["field"].as_str().unwrap();
    let mut firsts: BTreeMap<String, &Value> = BTreeMap::new();
    let rank_of = |it: &Value| rank(&json!([it["at"], it["place"]]));
    for document in found {
        for value in values_of(document, field) {
            // Addresses are folded.
            let value = value.as_str().unwrap();
            let value = if field == "recipients" { value.to_lowercase() } else { value.to_owned() };
            let first = firsts.entry(value).or_insert(document);
            if rank_of(document) < rank_of(first) {
                *first = document;
            }
        }
    }
    let after = composite["after"][name].as_str();
    let size = usize::try_from(composite["size"].as_u64().unwrap()).unwrap();
    let page = firsts.into_iter().filter(|(it, _)| after.is_none_or(|at| **it > *at)).take(size);
    let buckets = page.map(|(value, first)| {
        let mut bucket = json!({"key": {name: value}, "doc_count": 1});
        if asked.pointer("/aggs/first/top_hits").is_some() {
            let sort = json!([first["at"], first["place"]]);
            bucket["first"] = json!({"hits": {"hits": [{"_source": first, "sort": sort}]}});
        }
        bucket
    });
    let buckets: Vec<Value> = buckets.collect();
    let mut said = json!({ "buckets": buckets });
    if let Some(last) = buckets.last() {
        said["after_key"] = last["key"].clone();
    }
    said
}

/// The few kinds of queries that publishing asks.
pub(crate) fn fits(source: &Value, query: &Value) -> bool {
    let (kind, what) = query.as_object().unwrap().iter().next().unwrap();
    let one = || what.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "bool" => {
            let none = Vec::new();
            let mut not = what["must_not"].as_array().unwrap_or(&none).iter();
            let should = what["should"].as_array();
            let filter = what["filter"].as_array().unwrap_or(&none);
            filter.iter().all(|it| fits(source, it))
                && should.is_none_or(|it| it.iter().any(|it| fits(source, it)))
                && !not.any(|it| fits(source, it))
        }
        "term" => {
            let value = &source[one().0];
            let folded = |it: &Value| {
                it == one().1 || it.as_str().is_some_and(|it| *it.to_lowercase() == *one().1)
            };
            *value == *one().1 || value.as_array().is_some_and(|it| it.iter().any(folded))
        }
        "wildcard" => {
            let pattern = one().1["value"].as_str().unwrap();
            let part = pattern.trim_matches('*').replace('\\', "").to_lowercase();
            let has = |it: &Value| {
                let text = it.as_str().unwrap_or_default().to_lowercase();
                let is_open = (pattern.starts_with('*'), pattern.ends_with('*'));
                match is_open {
                    (false, _) => text.starts_with(&part),
                    (true, false) => text.ends_with(&part),
                    (true, true) => text.contains(&part),
                }
            };
            values_of(source, one().0).iter().any(has)
        }
        "terms" => {
            let values = values_of(source, one().0);
            one().1.as_array().unwrap().iter().any(|it| values.contains(it))
        }
        "range" => {
            let value = &source[one().0];
            let at = value.as_str().map(|it| it.parse::<jiff::Timestamp>().unwrap());
            let number = at.map(|it| it.as_millisecond()).or_else(|| value.as_i64());
            let (from, to) = (one().1["gte"].as_i64(), one().1["lt"].as_i64());
            from.is_none_or(|it| number >= Some(it)) && to.is_none_or(|it| number < Some(it))
        }
        _ => panic!("{query}"),
    }
}
