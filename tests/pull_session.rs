//! As whom a pull goes where: profiles as companies write them, endpoints, certificates.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::loopback::{HttpRequest, Reply, Server, Service};
use crate::pulling::{GROUP, HOUR_MS, received};
use crate::support::{Ran, mailtrace, run};

const ROLE: &str = "arn:aws:iam::210987654321:role/mail-archive";

/// CloudWatch Logs with one event, and an STS, which note who asked them.
#[derive(Debug, Default)]
struct Cloud {
    /// Actions, each with the access key that signed it; none for what is not signed.
    calls: Vec<(String, String)>,
    /// Whether STS refuses roles.
    refuses: bool,
}

impl Cloud {
    fn key_of(&self, action: &str) -> Option<&str> {
        self.calls.iter().find(|(it, _)| it == action).map(|(_, key)| key.as_str())
    }

    fn assume(&self, action: &str) -> Reply {
        let body = if self.refuses {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
                 arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Reader_0123/ana is not \
                 authorized to perform: sts:AssumeRole on resource: {ROLE}</Message></Error>\
                 </ErrorResponse>"
            )
        } else {
            format!(
                "<{action}Response><{action}Result><Credentials><AccessKeyId>AKIAASSUMED\
                 </AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                 <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>\
                 <AssumedRoleId>AROA1:x</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/x</Arn>\
                 </AssumedRoleUser></{action}Result></{action}Response>"
            )
        };
        Reply::new(if self.refuses { 403 } else { 200 }, "text/xml", body.into_bytes())
    }
}

impl Service for Cloud {
    fn answer(&mut self, request: &HttpRequest) -> Reply {
        let signed = request.header("authorization").unwrap_or_default();
        let key = signed.split_once("Credential=").and_then(|(_, it)| it.split('/').next());
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let named = request.header("x-amz-target").and_then(|it| it.split('.').nth(1));
        let action = named.map(str::to_owned).or_else(|| {
            let action = form.split('&').find_map(|it| it.strip_prefix("Action="));
            action.map(str::to_owned)
        });
        let action = action.unwrap_or_default();
        self.calls.push((action.clone(), key.unwrap_or_default().to_owned()));
        let event = received(2 * HOUR_MS, "s", "one");
        let body = match action.as_str() {
            "AssumeRole" | "AssumeRoleWithWebIdentity" => return self.assume(&action),
            "DescribeLogGroups" => json!({ "logGroups": [{ "logGroupName": GROUP,
                "arn": format!("arn:aws:logs:eu-west-1:1:log-group:{GROUP}:*"),
                "creationTime": event.timestamp_ms - HOUR_MS }] }),
            "DescribeLogStreams" => json!({ "logStreams": [] }),
            "FilterLogEvents" => json!({ "events": [{ "logStreamName": "s", "eventId": "1",
                "timestamp": event.timestamp_ms, "message": event.message,
                "ingestionTime": event.timestamp_ms }] }),
            _ => json!({}),
        };
        Reply::new(200, "application/x-amz-json-1.1", body.to_string().into_bytes())
    }
}

/// A machine with AWS configuration files.
struct Site {
    cloud: Server<Cloud>,
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let it = Self { cloud: Server::listening(Cloud::default()), dir: TempDir::new().unwrap() };
        fs::write(it.path("token"), "a token").unwrap();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The profiles, which go to our services by a section of their own.
    fn config(&self, text: &str) {
        let url = self.cloud.endpoint();
        let token = self.path("token").display().to_string();
        let text = text.replace("TOKEN", &token).replace("ROLE", ROLE);
        let services = format!(
            "\n[services lo]\ncloudwatch_logs =\n  endpoint_url = {url}\nsts =\n  endpoint_url = {url}\n"
        );
        fs::write(self.path("config"), text + services.as_str()).unwrap();
        self.cloud.lock().calls.clear();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mailtrace();
        command
            .env("HOME", self.dir.path())
            .env("AWS_CONFIG_FILE", self.path("config"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["pull", "--log-group", GROUP, "--recheck", "--store"])
            .arg(self.path("store"))
            .args(arguments);
        command
    }

    /// Pulls by the profile `mail`, named in each of the ways in which it can be.
    #[track_caller]
    fn pull_each_way(&self, check: impl Fn(Ran)) {
        check(run(&mut self.command(&["--profile", "mail"])));
        check(run(self.command(&[]).env("AWS_PROFILE", "mail")));
    }

    /// Pulls by a profile; the events must be asked for with this key.
    #[track_caller]
    fn assert_key(&self, text: &str, key: &str) {
        self.config(text);
        self.pull_each_way(|ran| {
            ran.expect(0);
            assert_eq!(self.cloud.lock().key_of("FilterLogEvents"), Some(key), "{text}");
            self.cloud.lock().calls.clear();
        });
    }

    /// Pulls by a profile, which must fail with these words and without having asked for events.
    #[track_caller]
    fn assert_fails(&self, text: &str, words: &[&str]) -> Vec<Ran> {
        self.config(text);
        let mut ran = Vec::new();
        for named in [Some("mail"), None] {
            let mut command = self.command(&[]);
            match named {
                Some(name) => command.args(["--profile", name]),
                None => command.env("AWS_PROFILE", "mail"),
            };
            ran.push(run(&mut command).expect_error(words));
            assert_eq!(self.cloud.lock().key_of("FilterLogEvents"), None, "{text}");
        }
        ran
    }
}

const BASE: &str = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n\n";

#[test]
fn a_profile_gets_its_credentials_as_it_says() {
    let site = Site::new();
    let mail =
        |rest: &str| format!("{BASE}[profile mail]\nregion = eu-west-1\nservices = lo\n{rest}\n");
    site.assert_key(&mail("role_arn = ROLE\nsource_profile = base"), "AKIAASSUMED");
    site.assert_key(&mail("role_arn = ROLE\nweb_identity_token_file = TOKEN"), "AKIAASSUMED");
    site.assert_key(&mail("aws_access_key_id = AKIAOWN\naws_secret_access_key = x/y+z"), "AKIAOWN");
    let process = r#"credential_process = printf '{"Version":1,"AccessKeyId":"AKIAPROC","SecretAccessKey":"s"}'"#;
    site.assert_key(&mail(process), "AKIAPROC");
    let comments = "[profile mail] # mine\nregion = eu-west-1 ; here\nservices = lo\n\
        aws_access_key_id = AKIAOWN\naws_secret_access_key = x\n";
    site.assert_key(comments, "AKIAOWN");
    site.assert_key(&format!("\u{feff}{}", comments.replace('\n', "\r\n")), "AKIAOWN");
    // A role that asks for a code may be assumed without one, where its trust policy lets that.
    let code = "role_arn = ROLE\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ana";
    site.assert_key(&mail(code), "AKIAASSUMED");
}

#[test]
fn a_profile_that_is_named_goes_before_the_environment() {
    let site = Site::new();
    site.config(&format!(
        "{BASE}[profile mail]\nregion = eu-west-1\nservices = lo\nrole_arn = ROLE\n\
         credential_source = Environment\n"
    ));
    let run_with = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", "AKIAENV").env("AWS_SECRET_ACCESS_KEY", "s");
        site.cloud.lock().calls.clear();
        run(command.env("AWS_PROFILE", "mail")).expect(0);
        site.cloud.lock().key_of("FilterLogEvents").map(str::to_owned)
    };
    assert_eq!(run_with(&[]).as_deref(), Some("AKIAENV"));
    assert_eq!(run_with(&["--profile", "mail"]).as_deref(), Some("AKIAASSUMED"));
    assert_eq!(site.cloud.lock().key_of("AssumeRole"), Some("AKIAENV"));
}

#[test]
fn what_is_wrong_with_a_profile_is_told() {
    let site = Site::new();
    let path = site.path("config").display().to_string();
    let keys = "aws_access_key_id = A\naws_secret_access_key = s\n";
    let junk = format!("[profile other]\nthis line is no property\n\n[profile mail]\n{keys}");
    site.assert_fails(&junk, &[&path, "line 2"]);
    site.assert_fails(&format!("[mail]\n{keys}"), &[&path, "mail", "[profile mail]"]);
    site.assert_fails(&format!("[profile male]\n{keys}"), &[&path, "no AWS profile mail", "male"]);
    let region = "[profile mail]\nregion = eu-west-1\n";
    site.assert_fails(region, &[]);
    run(&mut site.command(&["--profile", "mail"])).expect_error(&["the profile mail has none"]);
    let session = "[sso-session corp]\nsso_start_url = https://corp.awsapps.example/start\n\
        sso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n";
    let sso = "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Reader\n";
    let ran = format!("{session}{region}{sso}");
    site.assert_fails(&ran, &["`aws sso login --profile mail`"]);
    let ran = format!(
        "{session}[profile base]\n{sso}region = eu-west-1\n{region}role_arn = ROLE\nsource_profile = base\n"
    );
    site.assert_fails(&ran, &["`aws sso login --profile base`"]);
    let login = format!("{region}login_session = arn:aws:iam::123456789012:user/ana\n");
    site.assert_fails(&login, &["`aws login --profile mail`"]);
    let lost = format!("{region}role_arn = ROLE\nsource_profile = nobody\n");
    site.assert_fails(&lost, &["mail", "nobody"]);
    let failing = format!("{region}credential_process = sh -c 'echo nobody is home >&2; exit 3'\n");
    site.assert_fails(&failing, &["credential_process", "mail"]);
    fs::remove_file(site.path("config")).unwrap();
    fs::create_dir(site.path("config")).unwrap();
    run(&mut site.command(&["--region", "eu-west-1"])).expect_error(&[&path]);
}

#[test]
fn a_role_that_may_not_be_assumed_is_explained() {
    let site = Site::new();
    site.cloud.lock().refuses = true;
    let mail = "[profile mail]\nregion = eu-west-1\nservices = lo\nrole_arn = ROLE\nsource_profile = base\n";
    let words = ["does not let", ROLE, "AWSReservedSSO_Reader_0123/ana", "trust policy"];
    for ran in site.assert_fails(&format!("{BASE}{mail}"), &words) {
        assert!(!ran.stderr.contains("sso login"), "{ran:#?}");
    }
    let code = format!("{BASE}{mail}mfa_serial = arn:aws:iam::1:mfa/ana\n");
    site.assert_fails(&code, &["does not let", "mfa_serial"]);
}

#[test]
fn nothing_goes_in_the_clear_to_another_machine() {
    let site = Site::new();
    let port = site.cloud.address().port();
    let keys = "region = eu-west-1\naws_access_key_id = A\naws_secret_access_key = s\n";
    for scheme in ["http", "HTTP", "Http"] {
        // It is this machine, but not by any name that says so.
        let url = format!("{scheme}://127.1:{port}");
        let says_no = |command: &mut Command| {
            command.env("AWS_ACCESS_KEY_ID", "A").env("AWS_SECRET_ACCESS_KEY", "s");
            run(command.env("AWS_REGION", "eu-west-1")).expect_error(&[&url, "https"]);
            assert_eq!(site.cloud.lock().calls, [], "{url}");
        };
        site.config("");
        says_no(&mut site.command(&["--endpoint-url", &url]));
        for name in ["", "_CLOUDWATCH_LOGS", "_STS", "_SSO", "_SSO_OIDC"] {
            let mut command = site.command(&[]);
            says_no(command.env(format!("AWS_ENDPOINT_URL{name}"), &url));
        }
        let mut command = site.command(&[]);
        command.env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        says_no(command.env("AWS_ENDPOINT_URL_STS", &url));
        site.config(&format!("[default]\nendpoint_url = {url}\n{keys}"));
        says_no(&mut site.command(&[]));
        for name in ["cloudwatch_logs", "cloudwatch-logs", "sso_oidc", "sts"] {
            let services = format!("[services x]\n{name} =\n  endpoint_url = {url}\n");
            site.config(&format!("{services}[default]\nservices = x\n{keys}"));
            says_no(&mut site.command(&[]));
        }
    }
    site.config("");
    let mut command = site.command(&["--endpoint-url", "ftp://logs.example"]);
    run(&mut command).expect_error(&["is not an endpoint"]);
}

#[test]
fn a_bundle_of_certificates_that_cannot_be_used_is_named() {
    let site = Site::new();
    let keys =
        "[profile mail]\nregion = eu-west-1\naws_access_key_id = A\naws_secret_access_key = s\n";
    let empty = site.path("empty.pem");
    fs::write(&empty, "").unwrap();
    let empty = empty.display().to_string();
    site.assert_fails(&format!("{keys}ca_bundle = {empty}\n"), &["ca_bundle", &empty]);
    site.config(keys);
    for path in [&empty, "/nowhere/ca.pem"] {
        let mut command = site.command(&["--profile", "mail"]);
        run(command.env("AWS_CA_BUNDLE", path)).expect_error(&["AWS_CA_BUNDLE", path]);
    }
}
