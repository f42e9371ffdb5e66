//! What the directory makes of silent recipients, once more and slowly: random directories over
//! random logs, and what a reader of the design would say of each leg.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::model_tests::{Answer, answer, any_line, events, model_with};
use super::samples::{START_MS, delivered, joined, received};
use super::{JoinRules, Outcome, join};
use crate::directory::{Directory, DirectoryBuilder, Entity, EntityKind, Member, Said, Statement};
use crate::time::Timestamp;

/// Who has which address: users by their number, and groups of users and groups.
#[derive(Clone, Debug, Default)]
pub(in crate::trace) struct Spec {
    /// The own address of each user, and an alias.
    users: Vec<(&'static str, Option<&'static str>)>,
    /// The address of each group, and its members: users, then groups.
    groups: Vec<(&'static str, Vec<usize>, Vec<usize>)>,
}

impl Spec {
    fn user(&self, address: &str) -> Option<usize> {
        let own = self.users.iter().position(|(own, _)| *own == address);
        // Who was named first has an alias, as IDs are in order.
        own.or_else(|| self.users.iter().position(|(_, alias)| *alias == Some(address)))
    }

    /// The group of an address; what somebody has as an address of their own is no group.
    pub(in crate::trace) fn group(&self, address: &str) -> Option<usize> {
        self.groups.iter().position(|(it, ..)| *it == address)
    }

    pub(in crate::trace) fn knows(&self, address: &str) -> bool {
        self.group(address).is_some() || self.user(address).is_some()
    }

    fn users_in(&self, group: usize, depth: usize) -> BTreeSet<usize> {
        let (_, users, groups) = &self.groups[group];
        let mut all: BTreeSet<usize> = users.iter().copied().collect();
        if depth < 8 {
            groups.iter().for_each(|it| all.extend(self.users_in(*it, depth + 1)));
        }
        all
    }

    pub(in crate::trace) fn leads(&self, address: &str, mailbox: &str) -> bool {
        let owner = match self.group(mailbox) {
            Some(_) => None,
            None => self.user(mailbox),
        };
        match self.group(address) {
            Some(group) => owner.is_some_and(|it| self.users_in(group, 0).contains(&it)),
            None => owner.is_some() && owner == self.user(address),
        }
    }

    fn directory(&self) -> Arc<Directory> {
        let snapshot = Timestamp::from_ms(START_MS + 1_000).unwrap();
        let mut builder = DirectoryBuilder::default();
        let mut say = |said| {
            let message = Statement::new("m-1", snapshot, said).to_message().unwrap();
            assert!(builder.add(snapshot, &message));
        };
        for (number, (address, alias)) in self.users.iter().enumerate() {
            let mut user = Entity::new(EntityKind::User, &format!("u{number}"));
            user.address = Some((*address).to_owned());
            user.aliases = alias.iter().map(|it| (*it).to_owned()).collect();
            say(Said::Entity(Box::new(user)));
        }
        for (number, (address, users, groups)) in self.groups.iter().enumerate() {
            let mut group = Entity::new(EntityKind::Group, &format!("g{number}"));
            group.address = Some((*address).to_owned());
            let ids = users.iter().map(|it| format!("u{it}"));
            let ids = ids.chain(groups.iter().map(|it| format!("g{it}")));
            group.members = ids.map(|id| Member { id, r#type: None, name: None }).collect();
            say(Said::Entity(Box::new(group)));
        }
        say(Said::End { count: 0 });
        Arc::new(builder.build())
    }
}

/// What a reader of the design makes of the silent recipients of one leg.
pub(in crate::trace) struct Reading {
    /// Of each that the directory knows, the mailboxes that it leads to.
    own: BTreeMap<String, BTreeSet<String>>,
    /// Mailboxes that nobody names and to which none of them leads.
    unexplained: BTreeSet<String>,
    unknown_count: usize,
    has_stale_group: bool,
}

impl Reading {
    /// `got` are the mailboxes that got the message, `unnamed` those of them that nobody names.
    pub(in crate::trace) fn of(
        spec: &Spec,
        silent: &[&String],
        got: &[String],
        unnamed: &BTreeSet<String>,
    ) -> Self {
        let mailboxes = |address: &str| -> BTreeSet<String> {
            got.iter().filter(|it| spec.leads(address, it)).cloned().collect()
        };
        let known = silent.iter().filter(|it| spec.knows(it));
        let own: BTreeMap<_, _> = known.map(|it| ((*it).clone(), mailboxes(it))).collect();
        let explained: BTreeSet<String> = own.values().flatten().cloned().collect();
        let mut groups = own.iter().filter(|(it, _)| spec.group(it).is_some());
        Self {
            unexplained: unnamed.difference(&explained).cloned().collect(),
            unknown_count: silent.len() - own.len(),
            has_stale_group: groups.any(|(_, it)| it.is_empty()),
            own,
        }
    }

    /// The outcome of one of them; nothing where it is lost or pending.
    pub(in crate::trace) fn outcome(&self, spec: &Spec, address: &str) -> Option<&'static str> {
        let has_unexplained = !self.unexplained.is_empty();
        match self.own.get(address) {
            Some(own) if !own.is_empty() => Some("expanded"),
            Some(_) => (spec.group(address).is_some() && has_unexplained).then_some("expanded"),
            None if !has_unexplained => None,
            None if self.unknown_count == 1 && !self.has_stale_group => Some("expanded"),
            None => Some("unclear"),
        }
    }

    /// What it stands for, if it is expanded.
    pub(in crate::trace) fn mailboxes(&self, address: &str) -> &BTreeSet<String> {
        self.own.get(address).filter(|it| !it.is_empty()).unwrap_or(&self.unexplained)
    }
}

/// Directories over the addresses of random logs. Nobody shares an address.
pub(in crate::trace) fn any_spec() -> impl Strategy<Value = Spec> {
    let addresses = Just(vec!["a@x", "b@x", "c@x", "g@x", "z@x"]).prop_shuffle();
    (addresses, 0..4_usize, 0..3_usize, prop::collection::vec(0..8_u8, 12), any::<bool>()).prop_map(
        |(addresses, user_count, group_count, bits, has_alias)| {
            let mut free = addresses.into_iter();
            let mut users: Vec<_> = free.by_ref().take(user_count).map(|it| (it, None)).collect();
            let groups: Vec<&str> = free.by_ref().take(group_count).collect();
            let group = |number: usize, address: &&'static str| {
                let chosen = |of: usize, from: usize| {
                    (0..of).filter(|it| bits[(from + 2 * number + it) % 12] % 2 == 0).collect()
                };
                (*address, chosen(users.len(), 0), chosen(groups.len(), 5))
            };
            let groups = groups.iter().enumerate().map(|(number, it)| group(number, it)).collect();
            if let (true, Some((_, alias))) = (has_alias, users.first_mut()) {
                *alias = free.next();
            }
            Spec { users, groups }
        },
    )
}

/// Rules with the directory of a specification.
pub(in crate::trace) fn rules_with(spec: &Spec, grace_ms: i64, newest: i64) -> JoinRules {
    let newest = Timestamp::from_ms(START_MS + newest);
    JoinRules { grace_ms, newest, directory: Some(spec.directory().into()) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn silent_recipients_are_what_the_directory_makes_of_them(
        spec in any_spec(),
        log in prop::collection::vec(any_line(), 0..14),
        newest in 0..12_i64,
    ) {
        let joined = join(events(&log), &rules_with(&spec, 4, newest));
        let answers: Vec<Answer> = joined.iter().map(answer).collect();
        prop_assert_eq!(answers, model_with(&log, newest, &spec));
    }
}

#[test]
fn a_group_is_expanded_and_a_mailbox_beside_it_is_lost() {
    let to = ["staff@acme.example", "bob@acme.example", "zoe@far.example"];
    let log = [received(0, "t1", "<m1>", &to), delivered(5, "t1", "ana@acme.example", "INBOX")];
    let outcomes = |spec: &Spec| {
        let rules = JoinRules { newest: None, ..rules_with(spec, 0, 0) };
        let message = join(log.to_vec(), &rules).swap_remove(0);
        let row = |it: &super::Recipient| (it.outcome, it.mailboxes.len());
        message.recipients[..3].iter().map(row).collect::<Vec<_>>()
    };
    let without = joined(&log).swap_remove(0);
    assert!(without.recipients[..3].iter().all(|it| it.outcome == Outcome::Unclear));
    let spec = Spec {
        users: vec![("ana@acme.example", None), ("bob@acme.example", None)],
        groups: vec![("staff@acme.example", vec![0, 1], vec![])],
    };
    let (expanded, lost) = ((Outcome::Expanded, 1), (Outcome::Lost, 0));
    assert_eq!(outcomes(&spec), [expanded, lost, lost]);
    // Of a group whose members are others by now, somebody got it all the same.
    let spec = Spec { groups: vec![("staff@acme.example", vec![], vec![])], ..spec };
    assert_eq!(outcomes(&spec), [expanded, lost, (Outcome::Unclear, 0)]);
}
