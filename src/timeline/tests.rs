use super::access::moments;
use super::fold::Folder;
use super::{Step, StepKind, Who};
use crate::audit::OtherRecord;
use crate::store::{MessageContent, Record, Store, StoreWriter};
use crate::time::{TimeRange, Timestamp};

fn step(kind: StepKind, seconds: i64, ip: &str) -> Step {
    let at = Timestamp::from_ms(1_793_000_000_000 + seconds * 1_000).unwrap();
    Step { source_ip: Some(ip.to_owned()), ..Step::new(kind, at) }
}

fn folded(steps: &[(StepKind, i64, &str)]) -> Vec<String> {
    let mut folder = Folder::default();
    steps.iter().for_each(|(kind, seconds, ip)| folder.add(step(*kind, *seconds, ip)));
    let steps = folder.finish();
    let text = |it: &Step| format!("{} {} {}", it.count, it.kind, it.source_ip.as_deref().unwrap());
    steps.iter().map(text).collect()
}

#[test]
fn runs_of_like_operations_are_one_step_though_others_come_between() {
    use StepKind::{Deleted, Login, LoginFailed, Read};
    assert_eq!(
        folded(&[
            (Read, 0, "a"),
            (Read, 5, "b"),
            (Read, 9, "a"),
            (Deleted, 9, "a"),
            (Read, 600, "a"),
            (Read, 9_000, "a")
        ]),
        ["3 read a", "1 read b", "1 deleted a", "1 read a"]
    );
    // What fails after somebody got in is another attempt.
    assert_eq!(
        folded(&[
            (LoginFailed, 0, "a"),
            (LoginFailed, 1, "a"),
            (Login, 2, "a"),
            (LoginFailed, 3, "a")
        ]),
        ["2 login-failed a", "1 login a", "1 login-failed a"]
    );
}

#[test]
fn one_of_several_folders_does_not_pass_for_all() {
    let mut folder = Folder::default();
    for (kind, name) in [
        (StepKind::Read, "/Inbox"),
        (StepKind::Read, "/Sent"),
        (StepKind::Read, "/Inbox"),
        (StepKind::Deleted, "/Sent"),
        (StepKind::Deleted, "/Sent"),
    ] {
        folder.add(Step { folder: Some(name.to_owned()), ..step(kind, 0, "a") });
    }
    let told: Vec<_> = folder.finish().into_iter().map(|it| (it.count, it.folder)).collect();
    assert_eq!(told, [(3, None), (2, Some("/Sent".to_owned()))]);
}

#[test]
fn kinds_stand_in_their_order() {
    assert!(StepKind::ALL.is_sorted());
}

#[test]
fn an_address_that_was_cut_off_is_not_new_when_it_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::open_or_create(dir.path()).unwrap();
    let mut preparer = writer.preparers().preparer();
    for (seconds, ip) in [(0, "198.51.100.7"), (10, "192.0.2.1"), (20, "198.51.100.7")] {
        let message = format!(
            r#"{{"event_timestamp":{},"request_id":"q{seconds}","user_id":"u-1","source_ip":"{ip}","organization_arn":"arn:aws:workmail:eu-west-1:123456789012:organization/m-1","protocol":"IMAP","owner_id":"u-1","action":"read","object_type":"Message","action_allowed":"true"}}"#,
            1_793_000_000_000_i64 + seconds * 1_000
        );
        let record = Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(1_793_000_000_000 + seconds * 1_000).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.as_str().into(),
        };
        let other = OtherRecord::parse(&message).unwrap();
        preparer.take(None, &record, None, &MessageContent::Other(&other));
    }
    writer.append(vec![preparer.finish().unwrap()]).unwrap();
    writer.commit().unwrap();
    writer.close().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut who = Who::default();
    who.ids.push("u-1".to_owned());
    let newest = |most| moments(&store, &who, TimeRange::default(), most).unwrap();
    let is_new = |most| newest(most).moments.iter().map(|it| it.is_new_ip).collect::<Vec<_>>();
    assert_eq!(is_new(3), [false, true, false]);
    assert_eq!(is_new(2), [true, false]);
    assert_eq!(is_new(1), [false]);
}
