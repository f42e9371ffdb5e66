//! What goes wrong, and when.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::{Duration, Instant};

use super::answer::Call;
use super::errors::Failure;

/// One thing that goes wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done but refused.
    Error(Failure),
    /// A page without events, with a token that leads to the page that was due.
    EmptyPage,
    /// Half of what the page could hold, with a token for the rest.
    PartPage,
    /// The page, with a token that leads to the same page again.
    RepeatedPage,
    /// The page, with the very token that was asked with.
    RepeatedToken,
    /// The last page, with a token that leads to an empty one.
    TokenAtTheEnd,
    /// The events of the page in disorder.
    Shuffled,
    /// The token that was asked with is invalid from now on.
    ExpiredToken,
    /// The connection is closed in the middle of the body.
    CutBody,
    /// The connection is reset before anything is answered.
    Reset,
    /// The answer comes late.
    Slow(Duration),
    /// The body is no JSON, though the status is 200.
    Garbage,
}

/// Faults that only a listing of events can have.
pub(crate) const PAGE_FAULTS: [Fault; 7] = [
    Fault::EmptyPage,
    Fault::PartPage,
    Fault::RepeatedPage,
    Fault::RepeatedToken,
    Fault::TokenAtTheEnd,
    Fault::Shuffled,
    Fault::ExpiredToken,
];

/// Faults that any answer can have and that go away by themselves.
pub(crate) const TRANSPORT_FAULTS: [Fault; 7] = [
    Fault::Error(Failure::Throttling),
    Fault::Error(Failure::Internal),
    Fault::Error(Failure::Unavailable),
    Fault::CutBody,
    Fault::Reset,
    Fault::Slow(Duration::from_millis(30)),
    Fault::Garbage,
];

/// Which answers go wrong. A standing fault goes before a scripted one, that before chance.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: BTreeMap<Call, Fault>,
    scripted: BTreeMap<(Call, usize), Fault>,
    chance: Option<Chance>,
    counts: BTreeMap<Call, usize>,
}

/// Faults by throwing dice.
#[derive(Debug)]
struct Chance {
    state: u64,
    per_mille: u64,
    kinds: Vec<Fault>,
    /// How often each request has met a fault, by its call and body.
    hits: HashMap<(Call, Vec<u8>), usize>,
    expired_tokens: usize,
}

/// How often chance may spoil one request: clients give up after a few attempts, rightly.
const HITS_MAX: usize = 2;

/// How many tokens chance may spoil: each makes a client begin again.
const EXPIRED_TOKENS_MAX: usize = 3;

impl Faults {
    /// The `index`-th answer to a call goes wrong, counted from 0 from the start of the server.
    pub(crate) fn at(mut self, call: Call, index: usize, fault: Fault) -> Self {
        self.scripted.insert((call, index), fault);
        self
    }

    /// A burst: answers in a row go wrong.
    pub(crate) fn during(self, call: Call, indexes: Range<usize>, fault: Fault) -> Self {
        indexes.fold(self, |faults, index| faults.at(call, index, fault))
    }

    /// Every answer to a call goes wrong.
    pub(crate) fn always(mut self, call: Call, fault: Fault) -> Self {
        self.standing.insert(call, fault);
        self
    }

    /// So many of a thousand answers go wrong, each in one of these ways.
    pub(crate) fn by_chance(mut self, seed: u64, per_mille: u64, kinds: &[Fault]) -> Self {
        self.chance = Some(Chance {
            state: seed,
            per_mille,
            kinds: kinds.to_vec(),
            hits: HashMap::new(),
            expired_tokens: 0,
        });
        self
    }

    /// What goes wrong with the next answer to a call, which is asked with this body.
    pub(super) fn next(&mut self, call: Call, body: &[u8]) -> Option<Fault> {
        let count = self.counts.entry(call).or_default();
        let index = *count;
        *count += 1;
        let certain =
            self.standing.get(&call).or_else(|| self.scripted.get(&(call, index))).copied();
        let fault = certain.or_else(|| self.chance.as_mut().and_then(|it| it.next(call, body)));
        fault.filter(|it| call == Call::FilterLogEvents || !PAGE_FAULTS.contains(it))
    }
}

impl Chance {
    fn next(&mut self, call: Call, body: &[u8]) -> Option<Fault> {
        let is_hit = split_mix(&mut self.state) % 1_000 < self.per_mille;
        let index = split_mix(&mut self.state) as usize % self.kinds.len().max(1);
        let fault = self.kinds.get(index).copied().filter(|_| is_hit)?;
        let hits = self.hits.entry((call, body.to_vec())).or_default();
        let is_expiry = fault == Fault::ExpiredToken;
        if *hits >= HITS_MAX || (is_expiry && self.expired_tokens >= EXPIRED_TOKENS_MAX) {
            return None;
        }
        *hits += 1;
        self.expired_tokens += usize::from(is_expiry);
        Some(fault)
    }
}

/// The next number of a generator that is good enough for dice.
pub(super) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A bucket of requests that fills up again, one second's worth at most.
#[derive(Debug)]
pub(super) struct Bucket {
    level: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(quota: f64) -> Self {
        Self { level: quota, at: Instant::now() }
    }

    /// Takes a request out, if there is one left.
    pub(super) fn take(&mut self, quota: f64) -> bool {
        let elapsed = self.at.elapsed().as_secs_f64();
        self.at = Instant::now();
        self.level = elapsed.mul_add(quota, self.level).min(quota.max(1.0));
        let is_left = self.level >= 1.0;
        if is_left {
            self.level -= 1.0;
        }
        is_left
    }
}
