//! What is refused is named, and nothing is taken for done that is not.

use std::fs;

use super::fake::{Fake, Fault};
use super::publishing::{Organization, publish};
use crate::support::{mailtrace, rejected_lines, run};

const EVENTS: usize = 120;

#[test]
fn a_document_that_is_refused_is_kept_with_the_reason() {
    let (organization, fake) = (Organization::filled(EVENTS, 21), Fake::start());
    fake.fails(&[Fault::Refuses("MAILBOX_EMAIL_DELIVERED", "mapper_parsing_exception")]);
    let ran = publish(&organization.store, &fake.url, &[]).expect(3);
    let refused = ran.json()["refused"].as_u64().unwrap();
    assert!(refused > 0 && ran.stderr.contains("rejected/"), "{ran:?}");
    let kept: String = fs::read_dir(organization.store.join("rejected"))
        .unwrap()
        .map(|it| rejected_lines(&it.unwrap().path()))
        .collect();
    assert_eq!(kept.lines().count() as u64, refused);
    assert!(kept.lines().all(|it| it.contains("mapper_parsing_exception")), "{kept}");
    // It is not sent for ever, and what lacks is seen.
    assert_eq!(publish(&organization.store, &fake.url, &[]).expect(0).json()["events"], 0);
    publish(&organization.store, &fake.url, &["--verify"]).expect(3);
}

/// What is no fault of a document must not have all of them laid aside.
#[test]
fn an_index_that_takes_nothing_is_an_error_and_no_document_is_laid_aside() {
    let (organization, fake) = (Organization::filled(EVENTS, 28), Fake::start());
    for kind in ["index_closed_exception", "strict_dynamic_mapping_exception"] {
        fake.fails(&[Fault::Refuses("acme", kind)]);
        publish(&organization.store, &fake.url, &[]).expect_error(&[kind]);
    }
    assert_eq!(fs::read_dir(organization.store.join("rejected")).unwrap().count(), 0);
    assert_eq!(publish(&organization.store, &fake.url, &[]).expect(0).json()["events"], EVENTS);
}

#[test]
fn a_full_disk_is_no_matter_of_waiting() {
    let (organization, fake) = (Organization::filled(EVENTS, 22), Fake::start());
    fake.fails(&[Fault::Full]);
    let ran = publish(&organization.store, &fake.url, &[]);
    ran.expect_error(&[
        "mailtrace-events-",
        "disk is full",
        "read_only_allow_delete",
        "same command",
    ]);
    assert_eq!(fake.lock().bulk_count, 1);
    assert_eq!(publish(&organization.store, &fake.url, &[]).expect(0).json()["events"], EVENTS);
    publish(&organization.store, &fake.url, &["--verify"]).expect(0);
}

#[test]
fn what_somebody_else_has_written_is_named_and_put_right_when_told() {
    let organization = Organization::new(EVENTS, 23);
    // Each message has some of its events among the first ones, and some among the rest.
    let every_other = |from: usize| -> Vec<String> {
        organization.lines.iter().skip(from).step_by(2).cloned().collect()
    };
    let (first, rest) = (every_other(0), every_other(1));
    let fake = Fake::start();
    organization.take(&first);
    publish(&organization.store, &fake.url, &[]).expect(0);
    {
        let mut state = fake.lock();
        let rows = state.documents.iter_mut().filter(|((index, _), _)| index.contains("-rows-"));
        for (_, kept) in rows {
            // As an update by query leaves it, twice.
            kept.version += 2;
            kept.source["outcome"] = "lost".into();
        }
    }
    organization.take(&rest);
    let ran = publish(&organization.store, &fake.url, &[]);
    ran.expect_error(&["somebody else", "mailtrace-rows-", "version 3", "--again"]);
    publish(&organization.store, &fake.url, &["--again"]).expect(0);
    let whole = Fake::start();
    publish(&organization.store, &whole.url, &[]).expect(0);
    assert_eq!(fake.content("rows"), whole.content("rows"));
}

#[test]
fn an_index_that_is_not_as_it_should_be_is_not_written_to() {
    let (organization, fake) = (Organization::filled(EVENTS, 24), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    {
        let mut state = fake.lock();
        let rows = state.indices.iter_mut().find(|(name, _)| name.contains("-rows-")).unwrap();
        rows.1["mappings"]["properties"]["recipient"] = serde_json::json!({"type": "text"});
    }
    let ran = publish(&organization.store, &fake.url, &["--again"]);
    ran.expect_error(&["mailtrace-rows-", "recipient", "text", "--print-templates"]);
}

#[test]
fn whatever_else_answers_is_named() {
    let (organization, fake) = (Organization::filled(EVENTS, 25), Fake::start());
    let html = "<html><body>Please sign in</body></html>";
    fake.fails(&[Fault::Says(200, html)]);
    publish(&organization.store, &fake.url, &[])
        .expect_error(&["not OpenSearch", "Please sign in"]);
    fake.fails(&[Fault::Says(403, r#"{"Message":"User: anonymous is not authorized"}"#)]);
    publish(&organization.store, &fake.url, &[]).expect_error(&["anonymous", "check user"]);
    let busy = r#"{"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}"#;
    fake.fails(&vec![Fault::Says(429, busy); 20]);
    let ran = publish(&organization.store, &fake.url, &["--timeout", "1s"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    fake.fails(&[]);
    assert_eq!(publish(&organization.store, &fake.url, &[]).expect(0).json()["events"], EVENTS);
    let nobody = "http://127.0.0.1:1";
    let mut command = mailtrace();
    command.arg("--store").arg(&organization.store).args(["publish", "--cluster", nobody]);
    run(command.args(["--organization", "acme", "--timeout", "300ms"]))
        .expect_error(&["has not answered", "continues from there"]);
}

#[test]
fn a_cluster_learns_who_asks() {
    let (organization, fake) = (Organization::filled(EVENTS, 26), Fake::start());
    let password = organization.store.with_file_name("password");
    fs::write(&password, "secret\n").unwrap();
    let password = password.to_str().unwrap();
    publish(&organization.store, &fake.url, &["--user", "me", "--password-file", password])
        .expect(0);
    assert_eq!(fake.lock().authorization, "Basic bWU6c2VjcmV0");
    let mut command = mailtrace();
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.arg("--store").arg(&organization.store).args(["publish", "--cluster", &fake.url]);
    run(command.args(["--organization", "acme", "--aws", "--region", "eu-west-1"])).expect(0);
    let signed = fake.lock().authorization.clone();
    assert!(
        signed.contains("AKIDTEST/") && signed.contains("/eu-west-1/es/aws4_request"),
        "{signed}"
    );
}

#[test]
fn wrong_options_ask_nobody() {
    let organization = Organization::filled(EVENTS, 27);
    let check = |options: &[&str], expect: &str| {
        let mut command = mailtrace();
        command.arg("--store").arg(&organization.store).arg("publish").args(options);
        let ran = run(&mut command);
        assert!(ran.status == Some(2) && ran.stderr.contains(expect), "{options:?}: {ran:?}");
    };
    let acme = ["--organization", "acme", "--cluster"];
    check(&["--organization", "acme"], "MAILTRACE_CLUSTER");
    check(&[&acme[..], &["http://search.example"]].concat(), "not encrypted");
    check(&[&acme[..], &["https://x.eu-west-1.aoss.amazonaws.com"]].concat(), "Serverless");
    check(&[&acme[..], &["https://me:pw@search.example"]].concat(), "--password-file");
    check(&[&acme[..], &["http://127.0.0.1:1", "--index-prefix", "A*"]].concat(), "--index-prefix");
    let printed = run(mailtrace().args(["publish", "--print-templates"])).expect(0).json();
    assert_eq!(printed["_index_template/mailtrace-rows"]["priority"], 500);
    assert!(printed["_plugins/_ism/policies/mailtrace"]["policy"].is_object());
}
