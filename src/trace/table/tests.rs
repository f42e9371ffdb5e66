//! The table holds what the judge says of the originals, however and in whatever order they came.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use proptest::prelude::*;

use super::entry::for_each_entry_of;
use super::upkeep::{TableUpkeep, is_table_true, rebuild_table};
use crate::event::{EventName, domain_of};
use crate::query::{Field, Pattern};
use crate::store::{Location, MessageEntry, Store, StoreWriter, StoredEvent};
use crate::time::{TimeRange, Timestamp};
use crate::trace::gather::record_of;
use crate::trace::model_tests::{any_line, events};
use crate::trace::overview::{MessageSummary, Overview, SelectedMessage, Selection, select};
use crate::trace::samples::START_MS;
use crate::trace::silence_tests::{any_spec, rules_with};
use crate::trace::{Direction, JoinRules, Message, MessageFilter, OutcomeWord, join};

/// Adds events to a store, with a commit behind each batch.
fn write(store: &Path, batches: &[Vec<StoredEvent>], upkeep: Option<TableUpkeep>) {
    let mut writer = StoreWriter::open_or_create(store).unwrap();
    if let Some(upkeep) = upkeep {
        writer.keep_table_by(Box::new(upkeep));
    }
    add_batches(&mut writer, batches);
    writer.close().unwrap();
}

fn add_batches(writer: &mut StoreWriter, batches: &[Vec<StoredEvent>]) {
    writer.learn_messages().unwrap();
    for batch in batches {
        let mut preparer = writer.preparers().preparer();
        batch.iter().for_each(|it| preparer.add(&it.record, &it.event));
        writer.append(vec![preparer.finish().unwrap()]).unwrap();
        writer.commit().unwrap();
    }
}

/// The entries of a store without places, which depend on what came first.
fn placeless(entries: Vec<MessageEntry<'_>>) -> BTreeSet<String> {
    entries.into_iter().map(without_places).collect()
}

fn without_places(mut entry: MessageEntry<'_>) -> String {
    entry.place = Location::default();
    entry.recipients.iter_mut().for_each(|it| it.bounce = None);
    format!("{entry:?}")
}

fn entries(store: &Store) -> Vec<MessageEntry<'static>> {
    let segments = store.message_table().expect("a table as of the commit").segments().iter();
    segments
        .flat_map(|segment| {
            let documents = (0..segment.document_count()).filter(|it| segment.is_alive(*it));
            documents.map(|it| segment.entry(it).unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

/// What the originals of a whole store say.
fn for_each_entry_by_originals(store: &Store, visit: impl FnMut(MessageEntry<'_>)) {
    let mut reader = store.events();
    let places = store.index().places_in_blocks(&|_| true).into_iter();
    let events = places.map(|it| (it, reader.read(it).unwrap())).collect();
    for_each_entry_of(events, true, visit);
}

/// What a filter finds among the messages that the originals make.
fn summaries_by_originals(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
) -> Vec<MessageSummary> {
    let mut reader = store.events();
    let mut places = HashMap::new();
    let mut events = Vec::new();
    for place in store.index().places_in_blocks(&|_| true) {
        let event = reader.read(place).unwrap();
        let first = places.entry(record_of(&event)).or_insert(place);
        *first = place.min(*first);
        events.push(event);
    }
    let summary = |message: Message| {
        let recipients = filter.recipients_in(&message)?;
        let event = message.events.iter().map(|it| places[&record_of(it)]).min()?;
        SelectedMessage::Read { message: &message, recipients: &recipients, event }.summary()
    };
    join(events, rules).into_iter().filter_map(summary).collect()
}

fn any_log() -> impl Strategy<Value = Vec<StoredEvent>> {
    prop::collection::vec(any_line(), 1..24).prop_map(|it| {
        let mut log = events(&it);
        // Nothing gathers these with a copy that has its exact time: each is a message of its own.
        let untraced = log.iter_mut().filter(|it| it.event.trace_id.is_empty());
        untraced.for_each(|it| it.record.is_time_approximate = false);
        log
    })
}

/// A filter of one demand or two, of those that the table answers.
fn any_filter() -> impl Strategy<Value = MessageFilter> {
    let word = prop::sample::select(OutcomeWord::all());
    let outcomes = prop::collection::vec(word, 0..2);
    let address = || prop::option::of(prop::sample::select(vec!["a@x", "B@X", "*@x", "none@x"]));
    let direction =
        prop::option::of(prop::sample::select(vec![Direction::Incoming, Direction::Outgoing]));
    (
        (outcomes, address(), address(), prop::option::of(any::<bool>())),
        (direction, any::<bool>(), any::<bool>(), 0..3_usize),
        (prop::option::of(0..5_i64), prop::option::of(0..6_i64), any::<bool>()),
    )
        .prop_map(
            |(
                (outcomes, to, addresses, is_junk),
                (direction, internal, lacks, min),
                (slow, since, status),
            )| {
                let pattern =
                    |field, text: Option<&str>| text.map(|it| Pattern::parse(field, it).unwrap());
                MessageFilter {
                    first_seen: TimeRange {
                        since: since.and_then(|it| Timestamp::from_ms(START_MS + it)),
                        until: None,
                    },
                    outcomes: outcomes.into_iter().filter_map(OutcomeWord::from_name).collect(),
                    to: pattern(Field::To, to),
                    addresses: pattern(Field::To, addresses),
                    is_junk,
                    direction,
                    is_internal: internal && since.is_some(),
                    lacks_beginning: lacks && slow.is_none(),
                    recipients_min: min,
                    slower_than_ms: slow.filter(|_| min == 0),
                    status: pattern(
                        Field::Status,
                        Some("5.1.1").filter(|_| status && slow.is_none()),
                    ),
                    ..MessageFilter::default()
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_and_any_commits_give_what_the_originals_say(
        (log, shuffled) in any_log().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle())),
        size in 1..8_usize,
        read_events_max in prop::sample::select(vec![0, usize::MAX]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (one, many) = (dir.path().join("one"), dir.path().join("many"));
        // Of records that differ in approximate times alone, the first is kept.
        let messages: BTreeSet<&str> = log.iter().map(|it| &*it.record.message).collect();
        let is_kept_in_any_order = messages.len() == log.len()
            || log.iter().all(|it| !it.record.is_time_approximate);
        write(&one, &[log], Some(TableUpkeep::default()));
        let batches: Vec<Vec<StoredEvent>> = shuffled.chunks(size).map(<[_]>::to_vec).collect();
        write(&many, &batches, Some(TableUpkeep { read_events_max, ..TableUpkeep::default() }));
        let (one, many) = (Store::open(&one).unwrap(), Store::open(&many).unwrap());
        for store in [&one, &many] {
            let listed = entries(store).iter().map(|it| format!("{it:?}")).collect::<BTreeSet<_>>();
            let mut judged = BTreeSet::new();
            for_each_entry_by_originals(store, |it| { judged.insert(format!("{it:?}")); });
            prop_assert_eq!(listed, judged);
            prop_assert_eq!(is_table_true(store).unwrap(), Some(true));
        }
        if is_kept_in_any_order {
            prop_assert_eq!(placeless(entries(&one)), placeless(entries(&many)));
        }
    }

    #[test]
    fn a_table_that_is_made_in_slices_says_what_the_originals_say(
        log in any_log(),
        size in 1..8_usize,
        slice_events_max in 1..6_u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = StoreWriter::open_or_create(dir.path()).unwrap();
        writer.limit_archive_files(1);
        add_batches(&mut writer, &log.chunks(size).map(<[_]>::to_vec).collect::<Vec<_>>());
        writer.keep_table_by(Box::new(TableUpkeep { slice_events_max, ..TableUpkeep::default() }));
        writer.keep_table().unwrap();
        writer.close().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let listed: Vec<String> = entries(&store).iter().map(|it| format!("{it:?}")).collect();
        let mut judged = Vec::new();
        for_each_entry_by_originals(&store, |it| judged.push(format!("{it:?}")));
        prop_assert_eq!(listed.iter().collect::<BTreeSet<_>>(), judged.iter().collect());
        prop_assert_eq!(listed.len(), judged.len());
    }

    #[test]
    fn the_table_answers_as_the_originals_do(
        log in any_log(),
        filters in prop::collection::vec(any_filter(), 12),
        newest in 0..12_i64,
        spec in prop::option::of(any_spec()),
    ) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[log], Some(TableUpkeep::default()));
        let store = Store::open(dir.path()).unwrap();
        let rules = match spec {
            Some(spec) => rules_with(&spec, 5, newest),
            None => JoinRules { grace_ms: 5, newest: Timestamp::from_ms(START_MS + newest), directory: None },
        };
        let listed = Overview::new(&store, &rules).unwrap();
        for filter in filters {
            let selection = Selection::new(&listed, &filter).unwrap();
            prop_assert!(selection.is_listed());
            let order = |mut found: Vec<_>| { found.sort_by_key(|it: &MessageSummary| it.event); found };
            let expect = summaries_by_originals(&store, &rules, &filter);
            prop_assert_eq!(order(selection.summaries().unwrap()), order(expect), "{:?}", filter);
        }
        let mut reader = store.events();
        let places = store.index().places_in_blocks(&|_| true).into_iter();
        let events: Vec<_> = places.map(|it| reader.read(it).unwrap().event).collect();
        let delivered = events.iter().filter(|it| it.name == EventName::MailboxEmailDelivered);
        let domains = delivered.flat_map(|it| it.addressees()).filter_map(|it| domain_of(it.as_str()));
        let domains = domains.map(str::to_owned).collect();
        prop_assert_eq!(listed.listing().mailbox_domains().unwrap(), domains);
    }
}

#[test]
fn a_store_without_a_table_gets_one_with_its_next_commit() {
    use crate::trace::samples::{delivered, received};
    let dir = tempfile::tempdir().unwrap();
    let old = vec![received(0, "t1", "<m1>", &["a@x"]), delivered(5, "t1", "a@x", "INBOX")];
    write(dir.path(), &[old], None);
    let store = Store::open(dir.path()).unwrap();
    assert!(store.message_table().is_none());
    let said = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&said);
    store.before_temporary_table(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    for _ in 0..2 {
        let found = select(&store, &JoinRules::default(), &MessageFilter::default()).unwrap();
        assert_eq!(found.len(), 1);
    }
    assert_eq!(said.load(Ordering::Relaxed), 1);
    assert!(!dir.path().join("messages/meta.json").exists());
    write(dir.path(), &[vec![received(9, "t2", "<m2>", &["b@x"])]], Some(TableUpkeep::default()));
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(entries(&store).len(), 2);
    // One who does not keep it leaves it behind, and it is caught up with later.
    write(dir.path(), &[vec![delivered(12, "t2", "b@x", "INBOX")]], None);
    assert!(Store::open(dir.path()).unwrap().message_table().is_none());
    rebuild_table(dir.path()).unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut judged = BTreeSet::new();
    for_each_entry_by_originals(&store, |it| {
        judged.insert(without_places(it));
    });
    assert_eq!(placeless(entries(&store)), judged);
    assert_eq!(entries(&store).len(), 2);
}

#[test]
fn of_untraced_arrivals_in_one_millisecond_the_same_one_joins_whichever_came_first() {
    use crate::trace::samples::{at, sent};
    let arrived = |subject| {
        let more = serde_json::json!({"messageId": "<m1>", "subject": subject});
        at(2, "", "ORGANIZATION_EMAIL_RECEIVED", more)
    };
    let submitted = || sent(0, "t1", "<m1>", "a@x");
    let orders = [
        [arrived("hello"), submitted(), arrived("invoice")],
        [arrived("invoice"), submitted(), arrived("hello")],
    ];
    let told: Vec<_> = orders
        .into_iter()
        .map(|order| {
            let dir = tempfile::tempdir().unwrap();
            let batches = order.map(|it| vec![it]);
            write(dir.path(), &batches, Some(TableUpkeep::default()));
            let store = Store::open(dir.path()).unwrap();
            assert_eq!(is_table_true(&store).unwrap(), Some(true));
            let mut judged = BTreeSet::new();
            for_each_entry_by_originals(&store, |it| {
                judged.insert(without_places(it));
            });
            assert_eq!(placeless(entries(&store)), judged);
            // The first by its original joins what was sent to one recipient.
            let filter = MessageFilter {
                events: vec![Pattern::parse(Field::Subject, "hello").unwrap().query().clone()],
                ..MessageFilter::default()
            };
            let rules = JoinRules { grace_ms: 5, ..JoinRules::default() };
            let overview = Overview::new(&store, &rules).unwrap();
            let found = Selection::new(&overview, &filter).unwrap().summaries().unwrap();
            found.iter().map(|it| it.recipient_count).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(told, [[1], [1]]);
}

#[test]
fn events_that_are_alike_and_have_no_trace_id_are_all_in_the_table() {
    use crate::trace::samples::at;
    let dir = tempfile::tempdir().unwrap();
    let alike = |ms| at(ms, "", "OUTGOING_EMAIL_QUEUED", serde_json::json!({}));
    let batches = [vec![alike(0)], vec![alike(1), alike(2)]];
    write(dir.path(), &batches, Some(TableUpkeep { read_events_max: 0, ..TableUpkeep::default() }));
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(entries(&store).len(), 3);
    assert_eq!(is_table_true(&store).unwrap(), Some(true));
}

#[test]
fn commits_of_few_events_leave_few_files() {
    use crate::trace::samples::{delivered, received};
    const COMMITS: i64 = 40;
    const SEGMENTS_MAX: usize = 16;
    let dir = tempfile::tempdir().unwrap();
    let batch = |number: i64| {
        let (ms, before) = (number * 10, (number - 1).max(0));
        let id = format!("<m{number}>");
        vec![
            received(ms, &format!("t{number}"), &id, &["a@x"]),
            delivered(ms + 1, &format!("t{before}"), "a@x", "INBOX"),
        ]
    };
    let batches: Vec<_> = (0..COMMITS).map(batch).collect();
    write(dir.path(), &batches, Some(TableUpkeep::default()));
    let segments = |of: &str, extension: &str| {
        let names = std::fs::read_dir(dir.path().join(of)).unwrap();
        names
            .filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|it| it == extension))
            .count()
    };
    let (index, table) = (segments("index", "columns"), segments("messages", "fast"));
    assert!((1..SEGMENTS_MAX).contains(&index), "{index}");
    assert!((1..SEGMENTS_MAX).contains(&table), "{table}");
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(entries(&store).len(), usize::try_from(COMMITS).unwrap());
    assert_eq!(is_table_true(&store).unwrap(), Some(true));
}

/// A store with a table, and as many messages as batches.
fn two_commits() -> [Vec<StoredEvent>; 2] {
    use crate::trace::samples::{delivered, received};
    let first =
        vec![received(0, "t1", "<m1>", &["a@x", "b@x"]), delivered(5, "t1", "a@x", "INBOX")];
    [first, vec![received(9, "t2", "<m2>", &["b@x"]), delivered(12, "t1", "b@x", "INBOX")]]
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in std::fs::read_dir(from).unwrap().map(|it| it.unwrap().file_name()) {
        match from.join(&name).is_dir() {
            true => copy(&from.join(&name), &to.join(&name)),
            false => drop(std::fs::copy(from.join(&name), to.join(&name)).unwrap()),
        }
    }
}

#[test]
fn a_table_stands_when_the_commit_stands_that_it_belongs_to() {
    let place = tempfile::tempdir().unwrap();
    let [old, new, cut] = ["old", "new", "cut"].map(|it| place.path().join(it));
    let [first, second] = two_commits();
    write(&old, &[first], Some(TableUpkeep::default()));
    copy(&old, &new);
    write(&new, std::slice::from_ref(&second), Some(TableUpkeep::default()));
    let tables = [&old, &new].map(|it| placeless(entries(&Store::open(it).unwrap())));
    assert_ne!(tables[0], tables[1]);
    // Cut off before the store's commit, and behind it.
    for (whole, expect) in [(&old, &tables[0]), (&new, &tables[1])] {
        let _none = std::fs::remove_dir_all(&cut);
        copy(whole, &cut);
        for table in [&new, &old] {
            copy(&table.join("messages"), &cut.join("messages"));
        }
        std::fs::copy(new.join("messages/meta.json"), cut.join("messages/next.json")).unwrap();
        let store = Store::open(&cut).unwrap();
        assert_eq!(placeless(entries(&store)), *expect);
        assert_eq!(is_table_true(&store).unwrap(), Some(true));
        write(&cut, std::slice::from_ref(&second), Some(TableUpkeep::default()));
        let store = Store::open(&cut).unwrap();
        assert_eq!(placeless(entries(&store)), tables[1]);
        assert!(!cut.join("messages/next.json").exists() || whole == &new);
    }
}

#[test]
fn whoever_opens_the_store_while_it_is_written_to_finds_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_commits();
    write(dir.path(), &[first], Some(TableUpkeep::default()));
    let mut writer = StoreWriter::open_or_create(dir.path()).unwrap();
    writer.keep_table_by(Box::new(TableUpkeep::default()));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut commits = BTreeSet::new();
            while !is_done.load(Ordering::Relaxed) {
                let store = Store::open(dir.path()).unwrap();
                assert!(store.message_table().is_some(), "{:?}", store.checkpoint());
                commits.insert(store.checkpoint().mail_records());
            }
            commits.len()
        });
        for round in 0..60 {
            let mut batch = second.clone();
            for event in &mut batch {
                let ms = event.record.timestamp.as_ms() + round;
                event.record.timestamp = Timestamp::from_ms(ms).unwrap();
            }
            add_batches(&mut writer, &[batch]);
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 1);
    });
    writer.close().unwrap();
}

#[test]
fn a_damaged_table_keeps_no_record_out() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_commits();
    write(dir.path(), &[first], Some(TableUpkeep::default()));
    let columns = std::fs::read_dir(dir.path().join("messages")).unwrap();
    for path in columns.map(|it| it.unwrap().path()) {
        if path.extension().is_some_and(|it| it == "fast") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    write(dir.path(), &[second], Some(TableUpkeep::default()));
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(entries(&store).len(), 2);
    assert_eq!(is_table_true(&store).unwrap(), Some(true));
}
