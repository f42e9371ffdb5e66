use super::*;
use crate::time::{TimeRange, Timestamp};

const ORGANIZATION: &str = "m-0123456789abcdef0123456789abcdef";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(1_793_000_000_000 + seconds * 1_000).unwrap()
}

fn entity(kind: EntityKind, id: &str, address: &str) -> Entity {
    let mut entity = Entity::new(kind, id);
    entity.address = Some(address.to_owned());
    entity.state = "ENABLED".to_owned();
    entity
}

fn user(id: &str, address: &str) -> Entity {
    entity(EntityKind::User, id, address)
}

fn group(id: &str, address: &str, members: &[&str]) -> Entity {
    let mut group = entity(EntityKind::Group, id, address);
    let member = |id: &&str| Member { id: (*id).to_owned(), r#type: None, name: None };
    group.members = members.iter().map(member).collect();
    group
}

fn said_of(entity: Entity) -> Said {
    Said::Entity(Box::new(entity))
}

fn gone(id: &str) -> Said {
    Said::Gone { ids: vec![id.to_owned()] }
}

fn begin() -> Said {
    Said::Begin { alias: "acme".to_owned() }
}

/// What is said at a time in seconds, in the snapshot of a time.
fn directory(said: Vec<(i64, i64, Said)>) -> Directory {
    let mut builder = DirectoryBuilder::default();
    for (time, snapshot, said) in said {
        let statement = Statement::new(ORGANIZATION, at(snapshot), said);
        let message = statement.to_message().unwrap();
        assert!(message.starts_with(r#"{"mailtraceDirectory":1,"#), "{message}");
        assert!(builder.add(at(time), &message));
    }
    builder.build()
}

/// What an address stands for, in a word.
fn meaning(directory: &Directory, address: &str, seconds: i64) -> String {
    match directory.meaning(address, at(seconds)) {
        None => "nobody".to_owned(),
        Some(Meaning::Group(it)) => format!("group {}", it.id),
        Some(Meaning::Alias(it)) => format!("alias {}", it.id),
        Some(Meaning::Mailbox(it)) => format!("mailbox {}", it.id),
    }
}

#[test]
fn people_change_their_addresses_and_ids_change_hands() {
    let mut renamed = user("u1", "ana.maria@acme.example");
    renamed.aliases = vec!["Ana@acme.example".to_owned()];
    let directory = directory(vec![
        (0, 0, begin()),
        (1, 0, said_of(user("u1", "ana@acme.example"))),
        (1, 0, said_of(user("u2", "bob@acme.example"))),
        (2, 0, Said::End { count: 2 }),
        (10, 10, begin()),
        (11, 10, said_of(renamed)),
        (12, 10, gone("u2")),
        (12, 10, Said::End { count: 1 }),
        (20, 20, begin()),
        (21, 20, said_of(user("u2", "cid@acme.example"))),
        (22, 20, said_of(user("u3", "bob@acme.example"))),
        (22, 20, Said::End { count: 3 }),
    ]);
    // Before the first look it was as that found it.
    for seconds in [-1_000, 5] {
        assert_eq!(meaning(&directory, "ana@acme.example", seconds), "mailbox u1");
        assert_eq!(meaning(&directory, "bob@acme.example", seconds), "mailbox u2");
        assert_eq!(meaning(&directory, "ana.maria@acme.example", seconds), "nobody");
    }
    assert_eq!(meaning(&directory, "ana@acme.example", 15), "alias u1");
    assert_eq!(meaning(&directory, "bob@acme.example", 15), "nobody");
    assert_eq!(meaning(&directory, "bob@acme.example", 30), "mailbox u3");
    let label = |id, seconds| directory.person(id, at(seconds)).map(Entity::label);
    assert_eq!(label("u2", 5), Some("bob@acme.example"));
    assert_eq!(label("u2", 15), Some("bob@acme.example"), "gone, but it was he");
    assert_eq!(label("u2", 30), Some("cid@acme.example"));
    assert_eq!(label("u3", 5), Some("bob@acme.example"), "the earliest, where none is as old");
    assert_eq!(label("u4", 5), None);
    let ids: Vec<_> = directory.ids_of_address("bob@acme.example").collect();
    assert_eq!(ids, ["u2", "u3"]);
}

#[test]
fn groups_are_in_groups_and_have_aliases() {
    let mut outer = group("g1", "all@acme.example", &["g2", "u1", "unlisted"]);
    outer.aliases = vec!["everybody@acme.example".to_owned()];
    let mut bob = user("u2", "bob@acme.example");
    bob.aliases = vec!["robert@acme.example".to_owned()];
    let directory = directory(vec![
        (0, 0, begin()),
        (1, 0, said_of(outer)),
        (1, 0, said_of(group("g2", "inner@acme.example", &["g1", "u2"]))),
        (1, 0, said_of(user("u1", "ana@acme.example"))),
        (1, 0, said_of(bob)),
        (2, 0, Said::End { count: 4 }),
    ]);
    assert_eq!(meaning(&directory, "everybody@acme.example", 5), "group g1");
    assert_eq!(meaning(&directory, "robert@acme.example", 5), "alias u2");
    let leads = |address, mailbox| directory.leads_to(address, mailbox, at(5));
    assert!(leads("everybody@acme.example", "bob@acme.example"));
    assert!(leads("everybody@acme.example", "robert@acme.example"));
    assert!(leads("robert@acme.example", "bob@acme.example"));
    assert!(!leads("robert@acme.example", "ana@acme.example"));
    assert!(!leads("nobody@acme.example", "ana@acme.example"));
    assert!(leads("inner@acme.example", "ana@acme.example"));
    assert!(leads("inner@acme.example", "bob@acme.example"));
}

#[test]
fn what_was_broken_off_makes_nobody_vanish() {
    let said = vec![
        (0, 0, begin()),
        (1, 0, said_of(user("u1", "ana@acme.example"))),
        (1, 0, said_of(user("u2", "bob@acme.example"))),
        (2, 0, Said::End { count: 2 }),
        (10, 10, begin()),
        (11, 10, Said::Seen { ids: vec!["u1".to_owned()] }),
    ];
    let directory = directory(said);
    assert_eq!(meaning(&directory, "bob@acme.example", 15), "mailbox u2");
    let (_, organization) = directory.organizations().next().unwrap();
    assert_eq!(organization.last_taken(), Some(at(2)));
    let open = organization.open_snapshot().unwrap();
    assert_eq!((open.begun, open.looked_at.contains("u1")), (at(10), true));
    assert!(!open.looked_at.contains("u2"));
}

#[test]
fn domains_are_those_of_the_time() {
    let domains = |names: &[&str]| {
        let domain = |it: &&str| Domain { name: (*it).to_owned(), is_default: false };
        Said::Domains { domains: names.iter().map(domain).collect() }
    };
    let directory = directory(vec![
        (0, 0, begin()),
        (1, 0, domains(&["Acme.example"])),
        (2, 0, Said::End { count: 0 }),
        (11, 10, domains(&["acme.example", "acme.test"])),
        (21, 20, domains(&["B\u{fc}ro.test"])),
    ]);
    assert_eq!(directory.domains(at(-5)), ["acme.example"]);
    assert_eq!(directory.domains(at(5)), ["acme.example"]);
    assert_eq!(directory.domains(at(11)), ["acme.example", "acme.test"]);
    let within = |since: Option<i64>, until: Option<i64>| {
        directory.domains_within(TimeRange { since: since.map(at), until: until.map(at) })
    };
    assert_eq!(within(None, Some(-5)), ["acme.example"], "as they were first told");
    assert_eq!(within(Some(3), Some(12)), ["acme.example", "acme.test"]);
    assert_eq!(within(Some(21), None), ["xn--bro-hoa.test"], "as addresses have them");
    assert_eq!(within(None, None), ["acme.example", "acme.test", "xn--bro-hoa.test"]);
}

#[test]
fn what_is_no_statement_is_left_out() {
    let mut builder = DirectoryBuilder::default();
    for text in [
        "",
        "{}",
        r#"{"mailtraceDirectory":"x"}"#,
        r#"{"mailtraceDirectory":2,"organization":"m-1","snapshot":"x","says":"sings"}"#,
    ] {
        assert!(!builder.add(at(0), text), "{text}");
    }
    assert_eq!(builder.build().organizations().count(), 0);
}
