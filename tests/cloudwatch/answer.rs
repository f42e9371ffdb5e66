//! From a request to its answer, faults included.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::errors::{AwsError, Failure, every_group};
use super::faults::{Bucket, Fault, Faults};
use super::filter::Page;
use super::tokens::{Place, Tokens};
use super::world::World;
use super::{describe, filter};
use crate::loopback::{Ending, HttpRequest, Reply, Service};

/// The calls that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Call {
    FilterLogEvents,
    DescribeLogGroups,
    DescribeLogStreams,
    GetCallerIdentity,
}

impl Call {
    /// The permission that it needs.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::FilterLogEvents => "logs:FilterLogEvents",
            Self::DescribeLogGroups => "logs:DescribeLogGroups",
            Self::DescribeLogStreams => "logs:DescribeLogStreams",
            Self::GetCallerIdentity => "sts:GetCallerIdentity",
        }
    }

    fn of(request: &HttpRequest) -> Option<Self> {
        match request.header("x-amz-target").unwrap_or_default() {
            "Logs_20140328.FilterLogEvents" => Some(Self::FilterLogEvents),
            "Logs_20140328.DescribeLogGroups" => Some(Self::DescribeLogGroups),
            "Logs_20140328.DescribeLogStreams" => Some(Self::DescribeLogStreams),
            "" if request.body.starts_with(b"Action=GetCallerIdentity") => {
                Some(Self::GetCallerIdentity)
            }
            _ => None,
        }
    }
}

/// A request that came in, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) call: Call,
    pub(crate) parameters: Value,
    pub(crate) at: Instant,
    pub(crate) fault: Option<Fault>,
    pub(crate) status: u16,
    /// Events that the answer held, whether or not it arrived.
    pub(crate) event_count: usize,
}

/// The service's state. Change it at any time, through [`super::CloudWatch::lock`].
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: Faults,
    /// FilterLogEvents requests a second; beyond it they are throttled.
    pub(crate) quota: Option<f64>,
    /// How long every answer takes.
    pub(crate) latency: Duration,
    /// Renders each page once. For a world that does not change any more.
    pub(crate) keeps_pages: bool,
    /// What came in.
    pub(crate) requests: Vec<Request>,
    /// Connections that were turned away because too many were open.
    pub(crate) refused_connections: usize,
    bucket: Option<Bucket>,
    tokens: Tokens,
    pages: Pages,
}

impl State {
    pub(super) fn of(world: World) -> Self {
        Self { world, ..Self::default() }
    }

    /// How many requests of a kind came in.
    pub(crate) fn count(&self, call: Call) -> usize {
        self.requests.iter().filter(|it| it.call == call).count()
    }

    fn is_over_quota(&mut self) -> bool {
        self.quota.is_some_and(|quota| {
            !self.bucket.get_or_insert_with(|| Bucket::full(quota)).take(quota)
        })
    }

    fn result(
        &mut self,
        request: &HttpRequest,
        call: Call,
        parameters: &Value,
        fault: Option<Fault>,
    ) -> Result<Body, AwsError> {
        if request.header("authorization").is_none_or(|it| !it.starts_with("AWS4-HMAC-SHA256 ")) {
            return Err(AwsError::new(
                400,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ));
        }
        if let Some(Fault::Error(failure)) = fault {
            let name = parameters["logGroupName"].as_str();
            let named = self.world.groups.iter().find(|it| Some(it.name.as_str()) == name);
            let resource = named.map_or_else(every_group, |it| format!("{}:log-stream:", it.arn()));
            return Err(failure.answer(call, &resource));
        }
        let Self { world, tokens, pages, .. } = self;
        let listed = match call {
            Call::FilterLogEvents => {
                return filter::filter(world, tokens, pages, parameters, fault);
            }
            Call::DescribeLogGroups => describe::groups(world, tokens, parameters)?,
            Call::DescribeLogStreams => describe::streams(world, tokens, parameters)?,
            Call::GetCallerIdentity => return Ok(Body::whole(describe::caller_identity())),
        };
        Ok(Body::whole(listed.to_string().into_bytes()))
    }
}

impl Service for State {
    fn answer(&mut self, request: &HttpRequest) -> Reply {
        let Some(call) = Call::of(request) else {
            let error = AwsError::new(400, "UnknownOperationException", "");
            return Reply::new(400, JSON, error.json());
        };
        let parameters = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut fault = self.faults.next(call, &request.body);
        if call == Call::FilterLogEvents {
            self.world.filter_count += 1;
            if fault.is_none() && self.is_over_quota() {
                fault = Some(Fault::Error(Failure::Throttling));
            }
        }
        self.pages.is_kept = self.keeps_pages;
        let (mut reply, event_count) = match self.result(request, call, &parameters, fault) {
            Ok(body) => {
                let kind = if call == Call::GetCallerIdentity { XML } else { JSON };
                let event_count = body.event_count;
                (Reply { start: body.start, ..Reply::new(200, kind, body.end) }, event_count)
            }
            Err(error) if call == Call::GetCallerIdentity => {
                // STS says 403 where CloudWatch Logs says 400.
                (Reply::new(error.status.max(403), XML, error.xml()), 0)
            }
            Err(error) => (Reply::new(error.status, JSON, error.json()), 0),
        };
        reply.delay = self.latency;
        match fault {
            Some(Fault::Slow(delay)) => reply.delay += delay,
            Some(Fault::CutBody) => reply.ending = Ending::CutBody,
            Some(Fault::Reset) => reply.ending = Ending::Reset,
            Some(Fault::Garbage) => {
                reply = Reply {
                    delay: reply.delay,
                    ..Reply::new(200, JSON, b"<html>Bad Gateway</html>".to_vec())
                };
            }
            _ => {}
        }
        let status = reply.status;
        let at = Instant::now();
        self.requests.push(Request { call, parameters, at, fault, status, event_count });
        reply
    }

    fn refused(&mut self) {
        self.refused_connections += 1;
    }
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

/// A body whose first part may be shared.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) start: Arc<[u8]>,
    pub(super) end: Vec<u8>,
    pub(super) event_count: usize,
}

impl Body {
    fn whole(end: Vec<u8>) -> Self {
        Self { start: Arc::default(), end, event_count: 0 }
    }
}

/// Pages that were rendered, by the request without its token, the place and the limit.
#[derive(Debug, Default)]
pub(super) struct Pages {
    is_kept: bool,
    kept: HashMap<(String, Place, usize), Page>,
}

impl Pages {
    pub(super) fn get(
        &mut self,
        parameters: &Value,
        place: Place,
        limit: usize,
        is_odd: bool,
        render: impl FnOnce() -> Page,
    ) -> Page {
        if !self.is_kept || is_odd {
            return render();
        }
        let mut key = parameters.clone();
        if let Some(members) = key.as_object_mut() {
            members.remove("nextToken");
        }
        self.kept.entry((key.to_string(), place, limit)).or_insert_with(render).clone()
    }
}

pub(super) fn text<'a>(parameters: &'a Value, name: &str) -> Result<Option<&'a str>, AwsError> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(AwsError::new(400, "SerializationException", format!("{name}: {other}")))
        }
    }
}

/// A number that may not be negative.
pub(super) fn integer(parameters: &Value, name: &str) -> Result<Option<i64>, AwsError> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) if number >= 0 => Ok(Some(number)),
            Some(number) => Err(AwsError::invalid(format!(
                "1 validation error detected: Value '{number}' at '{name}' failed to satisfy \
                 constraint: Member must have value greater than or equal to 0"
            ))),
            None => Err(AwsError::new(400, "SerializationException", format!("{name}: {value}"))),
        },
    }
}

pub(super) fn limit(parameters: &Value, default: usize, max: usize) -> Result<usize, AwsError> {
    match integer(parameters, "limit")?.map(|it| it as usize) {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => Err(AwsError::invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: \
             Member must have value between 1 and {max}"
        ))),
    }
}
