//! S3: lists objects and reads their bytes.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;

use super::error::{AwsError, Call, Failure};
use super::failure::{self, text};
use super::session::{Service, Session};
use crate::limits;

/// The address of objects: `s3://bucket/prefix`.
///
/// As everywhere in S3, a prefix is the beginning of a key, and may end within a folder's name
/// unless it ends in `/`. Without a prefix, the address is the whole bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Url {
    bucket: String,
    prefix: String,
}

/// A text that is not the address of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not of the form s3://bucket/prefix")]
pub struct S3UrlError {
    text: String,
}

impl S3Url {
    /// Reads `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Result<Self, S3UrlError> {
        let rest = text.strip_prefix("s3://").unwrap_or("");
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = (3..=255).contains(&bucket.len())
            && bucket.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_".contains(&it));
        if !is_name {
            return Err(S3UrlError { text: text.to_owned() });
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the beginning of the keys; empty for all.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for S3Url {
    type Err = S3UrlError;

    fn from_str(text: &str) -> Result<Self, S3UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// An object in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Object {
    pub key: String,
    /// The tag that identifies its content, with its quotes.
    pub etag: String,
    pub bytes: u64,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: Option<i64>,
}

/// Reads buckets. Every method is one request.
#[derive(Clone, Debug)]
pub struct ObjectsClient {
    client: Client,
    region: String,
}

impl ObjectsClient {
    /// Calls as the session's identity, in its region.
    pub fn new(session: &Session) -> Self {
        let config = aws_sdk_s3::config::Builder::from(&session.config)
            // A custom endpoint hardly has a host name for each bucket.
            .force_path_style(session.endpoint_url(Service::S3).is_some())
            // We stall streams ourselves while the store is busy; `ObjectBody` detects one that has
            // dried up.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self { client: Client::from_conf(config.build()), region: session.region().to_owned() }
    }

    /// Fetches one page of the objects whose keys begin with `prefix`, in order of their keys, and
    /// the token of the next.
    pub async fn objects(
        &self,
        bucket: &str,
        prefix: &str,
        token: Option<String>,
    ) -> Result<(Vec<S3Object>, Option<String>), Failure> {
        let resource = format!("bucket {bucket} in {}", self.region);
        let call = Call::new("s3:ListBucket", resource);
        let answer = self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .set_prefix((!prefix.is_empty()).then(|| prefix.to_owned()))
            .set_continuation_token(token)
            .send()
            .await
            .map_err(|error| self.failure(&error, &call, bucket))?;
        let objects = answer.contents.into_iter().flatten();
        let objects = objects.filter_map(|it| listed(it, &call).transpose());
        let next = answer.next_continuation_token.filter(|_| answer.is_truncated != Some(false));
        Ok((objects.collect::<Result<_, _>>()?, next))
    }

    /// Fetches the bytes of an object from `from_byte` on, if it is still the one that was listed.
    ///
    /// # Errors
    ///
    /// [`AwsError::ObjectChanged`] if the object has changed since it was listed.
    pub async fn get(
        &self,
        bucket: &str,
        object: &S3Object,
        from_byte: u64,
    ) -> Result<ObjectBody, Failure> {
        let call = Call::new("s3:GetObject", format!("s3://{bucket}/{}", object.key));
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(&object.key)
            // A resumed download must not join the bytes of two versions.
            .set_if_match((!object.etag.is_empty()).then(|| object.etag.clone()))
            .set_range((from_byte > 0).then(|| format!("bytes={from_byte}-")))
            .send()
            .await
            .map_err(|error| self.failure(&error, &call, bucket))?;
        // An endpoint that ignores ranges would send the first bytes again, in the middle of the
        // object.
        let range = text(answer.content_range);
        if from_byte > 0 && !range.starts_with(&format!("bytes {from_byte}-")) {
            let detail = format!("the bytes from {from_byte} on were requested, but not returned");
            let call = call.to_string();
            return Err(Failure::Permanent(AwsError::Incomprehensible { call, detail }));
        }
        Ok(ObjectBody { stream: answer.body, call })
    }

    /// Classifies a failed call: S3 has ways to refuse that other services do not have.
    fn failure<E>(&self, error: &SdkError<E, HttpResponse>, call: &Call, bucket: &str) -> Failure
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let SdkError::ServiceError(context) = error else {
            return failure::failure(error, call);
        };
        let raw = context.raw();
        let metadata = context.err().meta();
        let message = metadata.message().unwrap_or("");
        let own_region = raw
            .headers()
            .get("x-amz-bucket-region")
            .or_else(|| message.split_once("expecting '")?.1.split('\'').next())
            .filter(|it| *it != self.region);
        let call_name = call.to_string();
        match (metadata.code().unwrap_or(""), raw.status().as_u16()) {
            ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
                Failure::Permanent(AwsError::WrongRegion {
                    bucket: bucket.to_owned(),
                    asked: self.region.clone(),
                    region: own_region.map(str::to_owned),
                })
            }
            ("PreconditionFailed", _) | (_, 412) => {
                Failure::Permanent(AwsError::ObjectChanged { call: call_name })
            }
            ("InvalidObjectState", _) => {
                Failure::Permanent(AwsError::ObjectArchived { call: call_name })
            }
            _ => failure::failure(error, call),
        }
    }
}

/// Reads an object of a listing; `None` without a key.
fn listed(object: Object, call: &Call) -> Result<Option<S3Object>, Failure> {
    let Some(key) = object.key else { return Ok(None) };
    // Empty objects are skipped, so one of unknown length must not seem empty.
    let Some(bytes) = object.size.and_then(|it| u64::try_from(it).ok()) else {
        let (call, detail) = (call.to_string(), format!("it gives no size for {key}"));
        return Err(Failure::Permanent(AwsError::Incomprehensible { call, detail }));
    };
    let modified_ms = object.last_modified.and_then(|it| it.to_millis().ok());
    Ok(Some(S3Object { key, etag: text(object.e_tag), bytes, modified_ms }))
}

/// The bytes of an object as they arrive.
#[derive(Debug)]
pub struct ObjectBody {
    stream: ByteStream,
    call: Call,
}

impl ObjectBody {
    /// Returns the next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Failure::Transient`] if the stream breaks off, or nothing comes for
    /// [`limits::AWS_ATTEMPT_SECONDS`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let patience = Duration::from_secs(limits::AWS_ATTEMPT_SECONDS);
        match tokio::time::timeout(patience, self.stream.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => Ok(Some(bytes.into())),
            Ok(Some(Err(error))) => Err(self.broken(failure::causes(&error))),
            Err(_) => Err(self.broken("the response stalled".to_owned())),
        }
    }

    /// The failure of a stream that broke off.
    pub(super) fn broken(&self, detail: String) -> Failure {
        Failure::Transient(AwsError::Network { call: self.call.to_string(), detail })
    }

    /// The failure of a stream that contradicts its listing, which a retry would hardly change.
    pub(super) fn nonsense(&self, detail: String) -> Failure {
        let call = self.call.to_string();
        Failure::Permanent(AwsError::Incomprehensible { call, detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::object_server::{Fault, ObjectServer};

    #[test]
    fn an_address_has_a_bucket_and_perhaps_a_prefix() {
        let check = |text: &str, bucket: &str, prefix: &str| {
            let url = S3Url::parse(text).unwrap();
            assert_eq!((url.bucket(), url.prefix()), (bucket, prefix), "{text}");
        };
        check("s3://acme-logs", "acme-logs", "");
        check("s3://acme-logs/", "acme-logs", "");
        check("s3://acme.logs/exports/2026/", "acme.logs", "exports/2026/");
        check("s3://acme-logs//x", "acme-logs", "/x");
        for text in
            ["", "acme-logs/x", "s3://", "s3:///x", "s3://ab/x", "s3://a b c/x", "s3://acmé"]
        {
            assert!(S3Url::parse(text).is_err(), "{text}");
        }
        let error = S3Url::parse("https://acme-logs").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"https://acme-logs\" is not of the form s3://bucket/prefix"
        );
    }

    #[tokio::test]
    async fn a_listing_goes_on_over_its_pages() {
        let server = ObjectServer::new();
        for index in 0..7 {
            server.put(&format!("logs/{index} &+.gz"), &[b'x'; 5]);
        }
        server.put("other", b"x");
        let client = ObjectsClient::new(&Session::for_tests(&server.url()));
        let (mut keys, mut token) = (Vec::new(), None);
        loop {
            let (objects, next) = client.objects("bucket", "logs/", token).await.unwrap();
            keys.extend(objects.into_iter().map(|it| (it.key, it.bytes, it.modified_ms)));
            token = next;
            if token.is_none() {
                break;
            }
        }
        let modified_ms = Some(1_795_176_000_000);
        let expected: Vec<_> =
            (0..7).map(|index| (format!("logs/{index} &+.gz"), 5, modified_ms)).collect();
        assert_eq!(keys, expected);
    }

    /// What is said of a refusal of a listing, or of an object.
    async fn said_of(key: &str, fault: Fault) -> String {
        let server = ObjectServer::new();
        server.put("a", b"content");
        server.fail(key, fault);
        let client = ObjectsClient::new(&Session::for_tests(&server.url()));
        let object = S3Object { key: "a".to_owned(), ..S3Object::default() };
        let failure = if key.is_empty() {
            client.objects("bucket", "", None).await.unwrap_err()
        } else {
            client.get("bucket", &object, 0).await.map(|_| ()).unwrap_err()
        };
        failure.into_error().to_string()
    }

    #[test]
    fn an_object_of_unknown_length_is_not_taken_for_an_empty_one() {
        let call = Call::new("s3:ListBucket", "bucket bucket".to_owned());
        let listed = |size| listed(Object::builder().key("a").set_size(size).build(), &call);
        assert_eq!(listed(Some(0)).unwrap().unwrap().bytes, 0);
        for size in [None, Some(-1)] {
            let said = listed(size).unwrap_err().into_error().to_string();
            let expect = "s3:ListBucket on bucket bucket: invalid response: it gives no size for a";
            assert_eq!(said, expect);
        }
    }

    #[tokio::test]
    async fn each_refusal_is_a_line_that_says_what_to_do() {
        let check = async |key, status, code, message, headers, expect: &str| {
            let fault = Fault::Refuse(status, code, message, headers);
            assert_eq!(said_of(key, fault).await, expect);
        };
        let message = "The specified bucket does not exist";
        check("", 404, "NoSuchBucket", message, "", "s3:ListBucket on bucket bucket in us-east-1: not found: The specified bucket does not exist").await;
        let message = "The bucket must be addressed using the specified endpoint";
        let headers = "x-amz-bucket-region: eu-west-1\r\n";
        check(
            "",
            301,
            "PermanentRedirect",
            message,
            headers,
            "the bucket bucket is not in us-east-1: give --region eu-west-1",
        )
        .await;
        check(
            "a",
            301,
            "",
            "",
            "",
            "the bucket bucket is not in us-east-1: give --region with the bucket's region",
        )
        .await;
        let message = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
        check(
            "",
            400,
            "AuthorizationHeaderMalformed",
            message,
            "",
            "the bucket bucket is not in us-east-1: give --region eu-west-1",
        )
        .await;
        check("", 403, "AccessDenied", "Access Denied", "", "s3:ListBucket on bucket bucket in us-east-1 is not allowed: grant it in the IAM policy of that identity").await;
        let message = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: s3:GetObject on resource: x";
        check("a", 403, "AccessDenied", message, "", "s3:GetObject on s3://bucket/a is not allowed for arn:aws:iam::123456789012:user/ana: grant it in the IAM policy of that identity").await;
        check(
            "a",
            404,
            "NoSuchKey",
            "The specified key does not exist.",
            "",
            "s3:GetObject on s3://bucket/a: not found: The specified key does not exist.",
        )
        .await;
        check("a", 412, "PreconditionFailed", "x", "", "s3:GetObject on s3://bucket/a: the object changed after it was listed: run the same command again").await;
        check("a", 403, "InvalidObjectState", "x", "", "s3:GetObject on s3://bucket/a: the object is archived: restore it in S3 first, then run the same command again").await;
    }
}
