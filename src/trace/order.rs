//! The order of a list of messages, and positions in it that stay valid when the store grows.

use std::fmt;
use std::str::FromStr;

use super::MessageSummary;
use crate::store::{Location, Store};

/// The order of a list. Equal messages come newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Order {
    /// By the time first seen, the newest first.
    Newest,
    /// By the time first seen, the oldest first.
    Oldest,
    /// By the longest latency of a recipient, the longest first; messages without a latency come
    /// last.
    Slowest,
    /// By the number of recipients, the most first.
    #[strum(serialize = "recipients")]
    MostRecipients,
}

impl Order {
    const ALL: [Self; 4] = [Self::Newest, Self::Oldest, Self::Slowest, Self::MostRecipients];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The position of a message in an order. It is made from the message alone, so it stays valid when
/// other messages come, unless late events change the message itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    order: Order,
    rank: i64,
    time: i64,
    location: u64,
}

impl ListPosition {
    /// Returns the position of a message.
    #[must_use]
    pub fn of(message: &MessageSummary, order: Order) -> Self {
        let first_ms = message.first_seen.as_ms();
        let bits = message.event.to_bits();
        // Every key sorts in ascending order: what comes first at its greatest is negated or
        // inverted.
        let (rank, time, location) = match order {
            Order::Newest => (0, -first_ms, !bits),
            Order::Oldest => (0, first_ms, bits),
            Order::Slowest => (message.latency_ms.map_or(i64::MAX, |it| -it), -first_ms, !bits),
            Order::MostRecipients => (-i64::from(message.recipient_count), -first_ms, !bits),
        };
        Self { order, rank, time, location }
    }

    /// Converts a position in a whole store to one in `store`, which holds a part of it.
    pub(crate) fn here(self, store: &Store) -> Self {
        let is_rising = self.order == Order::Oldest;
        self.moved(|it| store.place_here(it, is_rising))
    }

    /// Converts a position in `store` to one in the whole store of which it holds a part.
    pub(crate) fn in_whole(self, store: &Store) -> Self {
        self.moved(|it| store.place_in_whole(it))
    }

    fn moved(self, to: impl Fn(Location) -> Location) -> Self {
        // The location is inverted again, as in `of`.
        let turned = |bits: u64| if self.order == Order::Oldest { bits } else { !bits };
        let there = to(Location::from_bits(turned(self.location)));
        Self { location: turned(there.to_bits()), ..self }
    }

    /// Returns the order that it belongs to.
    pub fn order(&self) -> Order {
        self.order
    }
}

impl fmt::Display for ListPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, rank, time, location } = self;
        write!(formatter, "{}.{rank}.{time}.{location:x}", order.as_str())
    }
}

/// A text that is not a position.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a cursor from `messages`")]
pub struct NoPlace(String);

impl FromStr for ListPosition {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let read = || {
            let mut parts = text.trim().split('.');
            let order = parts.next()?;
            let place = Self {
                order: Order::ALL.into_iter().find(|it| it.as_str() == order)?,
                rank: parts.next()?.parse().ok()?,
                time: parts.next()?.parse().ok()?,
                location: u64::from_str_radix(parts.next()?, 16).ok()?,
            };
            parts.next().is_none().then_some(place)
        };
        read().ok_or_else(|| NoPlace(text.to_owned()))
    }
}

/// One page of a list of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOfMessages {
    /// The messages, in order.
    pub messages: Vec<MessageSummary>,
    /// The number of messages on all pages.
    pub total: u64,
    /// The position after which the next page begins, if there is one.
    pub next: Option<ListPosition>,
}

/// The first messages in an order, or the first after a position, out of many that come in any
/// order. It keeps at most twice as many as are shown, or `LEADING_MIN`.
pub(crate) struct Leading {
    order: Order,
    after: Option<ListPosition>,
    limit: usize,
    messages: Vec<MessageSummary>,
    /// The number of messages that came, and of those after the position.
    total: u64,
    behind: u64,
}

impl Leading {
    pub(crate) fn new(order: Order, after: Option<ListPosition>, limit: usize) -> Self {
        Self { order, after, limit, messages: Vec::new(), total: 0, behind: 0 }
    }

    pub(crate) fn add(&mut self, message: MessageSummary) {
        self.total += 1;
        if self.after.is_some_and(|it| ListPosition::of(&message, self.order) <= it) {
            return;
        }
        self.behind += 1;
        self.messages.push(message);
        // Cutting at twice the limit makes the cost of selection constant per message.
        if self.messages.len() > self.limit.saturating_mul(2).max(LEADING_MIN) {
            self.cut();
        }
    }

    /// Adds the messages of another worker.
    pub(crate) fn join(&mut self, other: Self) {
        self.total += other.total;
        self.behind += other.behind;
        self.messages.extend(other.messages);
        self.cut();
    }

    fn cut(&mut self) {
        if self.messages.len() > self.limit {
            let order = self.order;
            // Sorting is left to the end: only the messages shown need it.
            self.messages.select_nth_unstable_by_key(self.limit, |it| ListPosition::of(it, order));
            self.messages.truncate(self.limit);
        }
    }

    pub(crate) fn into_page(mut self) -> PageOfMessages {
        self.cut();
        let Self { order, mut messages, total, behind, .. } = self;
        messages.sort_unstable_by_key(|it| ListPosition::of(it, order));
        let is_more = behind > messages.len() as u64;
        let last = messages.last().filter(|_| is_more);
        PageOfMessages { next: last.map(|it| ListPosition::of(it, order)), total, messages }
    }
}

/// Messages that are kept before the first cut, so that short pages do not cut all the time.
const LEADING_MIN: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;
    use crate::trace::MessageOutcome;
    use crate::trace::overview::OutcomeCounts;

    fn page(
        messages: Vec<MessageSummary>,
        order: Order,
        after: Option<ListPosition>,
        limit: usize,
    ) -> PageOfMessages {
        let mut leading = Leading::new(order, after, limit);
        let mut other = Leading::new(order, after, limit);
        for (index, message) in messages.into_iter().enumerate() {
            if index % 3 == 0 { other.add(message) } else { leading.add(message) }
        }
        leading.join(other);
        leading.into_page()
    }

    fn summary(
        ms: i64,
        latency_ms: Option<i64>,
        recipient_count: u32,
        bits: u64,
    ) -> MessageSummary {
        let seen = Timestamp::from_ms(ms).unwrap();
        MessageSummary {
            outcome: MessageOutcome::Delivered,
            recipients: OutcomeCounts::default(),
            recipient_count,
            latency_ms,
            first_seen: seen,
            last_seen: seen,
            event: Location::from_bits(bits),
        }
    }

    fn summaries() -> impl Strategy<Value = Vec<MessageSummary>> {
        let one = (0i64..5, proptest::option::of(0i64..3), 0u32..3);
        proptest::collection::vec(one, 0..30).prop_map(|all| {
            let numbered = all.into_iter().zip(0..);
            numbered.map(|((ms, latency, count), at)| summary(ms, latency, count, at)).collect()
        })
    }

    proptest! {
        #[test]
        fn pages_make_the_whole_list(all in summaries(), limit in 1usize..7) {
            for order in Order::ALL {
                let whole = page(all.clone(), order, None, usize::MAX);
                prop_assert_eq!((whole.total, whole.next), (all.len() as u64, None));
                let mut paged = Vec::new();
                let mut after = None;
                loop {
                    let page = page(all.clone(), order, after, limit);
                    prop_assert_eq!(page.total, all.len() as u64);
                    paged.extend(page.messages);
                    // Cursors travel as text.
                    after = page.next.map(|it| it.to_string().parse().unwrap());
                    if after.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(paged, whole.messages);
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            if let Ok(place) = text.parse::<ListPosition>() {
                prop_assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
    }

    #[test]
    fn orders_put_first_what_they_say() {
        let all =
            vec![summary(1, None, 1, 0), summary(2, Some(9), 3, 1), summary(3, Some(5), 2, 2)];
        for (order, expect) in [
            (Order::Newest, [3, 2, 1]),
            (Order::Oldest, [1, 2, 3]),
            (Order::Slowest, [2, 3, 1]),
            (Order::MostRecipients, [2, 3, 1]),
        ] {
            let page = page(all.clone(), order, None, 10);
            let times: Vec<i64> = page.messages.iter().map(|it| it.first_seen.as_ms()).collect();
            assert_eq!(times, expect, "{order:?}");
        }
    }
}
