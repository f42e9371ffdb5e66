//! The thread that has batches decoded, a round at a time, in bounded memory.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::decode::DecodedBatch;
use super::reading::{ReadBatch, ReadingStep};
use super::workers::Workers;
use crate::limits;
use crate::source::{DecodedRoom, DecodingBudget};
use crate::stop::Stop;
use crate::store::StoreError;
use crate::time::Timestamp;

/// Batches that were decoded together.
pub(super) struct Round {
    /// The steps in order; `None` stands for the next batch.
    pub(super) steps: Vec<Option<ReadingStep>>,
    /// The sources of the decoded batches. Pieces of a batch that is too large for a round come
    /// without: they are never decoded again.
    pub(super) batches: Vec<ReadBatch>,
    pub(super) decoded: Result<Vec<DecodedBatch>, StoreError>,
}

/// State of the input that is being decoded.
#[derive(Clone, Copy, Default)]
struct InputSoFar {
    /// Bytes to which its payloads have expanded.
    expanded_bytes: u64,
    last_time: Option<Timestamp>,
    modified: Option<Timestamp>,
}

impl InputSoFar {
    fn take(&mut self, decoded: &DecodedBatch) {
        self.expanded_bytes = self.expanded_bytes.saturating_add(decoded.expanded_bytes);
        self.last_time = decoded.last_time.or(self.last_time);
    }
}

/// Bounds on what is decoded at once.
#[derive(Clone, Copy)]
pub(super) struct RoundBounds {
    pub(super) batch_count: usize,
    /// Bytes that all of them together may decode to.
    pub(super) round_bytes: u64,
    /// Bytes after which a piece of a batch too large for a round is handed on.
    pub(super) piece_bytes: usize,
}

impl RoundBounds {
    pub(super) fn new(batch_count: usize) -> Self {
        let (round_bytes, piece_bytes) = (limits::ROUND_BYTES_MAX, limits::PIECE_BYTES);
        Self { batch_count, round_bytes, piece_bytes }
    }
}

/// The receiver is gone, or a stop was requested.
struct Ended;

/// Decodes what the reading thread sends, and sends it on in rounds.
pub(super) struct RoundDecoder<'w> {
    workers: &'w Workers<'w>,
    rounds: Sender<Round>,
    stop: &'w Stop,
    /// Batches decoded at once: fewer while they expand a lot.
    window: usize,
    bounds: RoundBounds,
    input: InputSoFar,
}

impl<'w> RoundDecoder<'w> {
    pub(super) fn new(
        workers: &'w Workers<'w>,
        rounds: Sender<Round>,
        bounds: RoundBounds,
        stop: &'w Stop,
    ) -> Self {
        let window = bounds.batch_count;
        Self { workers, rounds, stop, window, bounds, input: InputSoFar::default() }
    }

    /// Decodes as many steps at a time as are waiting, until no more come.
    pub(super) fn run(mut self, received: &Receiver<ReadingStep>) {
        while let Ok(first) = received.recv() {
            let mut steps = VecDeque::new();
            let mut batches = VecDeque::new();
            // Whatever waits is decoded together, but nothing is waited for: a slow input is stored
            // as it comes.
            let more = received.try_iter().take(self.bounds.batch_count);
            for step in std::iter::once(first).chain(more) {
                match step {
                    ReadingStep::Batch(batch) => {
                        batches.push_back(batch);
                        steps.push_back(None);
                    }
                    other => steps.push_back(Some(other)),
                }
            }
            if self.decode(steps, batches).is_err() {
                return;
            }
        }
    }

    /// Decodes batches in parallel. If they need more room than a round has, decodes fewer at once,
    /// and in the end a single one, piece by piece.
    fn decode(
        &mut self,
        mut steps: VecDeque<Option<ReadingStep>>,
        mut batches: VecDeque<ReadBatch>,
    ) -> Result<(), Ended> {
        while !steps.is_empty() {
            let count = batches.len().min(self.window);
            let room = Arc::new(DecodedRoom::new(self.bounds.round_bytes));
            let (together, _) = batches.make_contiguous().split_at(count);
            let mut decoded = match self.workers.decode_within(together, &room) {
                Ok(decoded) => decoded,
                Err(error) => {
                    let round =
                        Round { steps: steps.into(), batches: batches.into(), decoded: Err(error) };
                    return self.rounds.send(round).map_err(|_| Ended);
                }
            };
            let fitting = self.fitting(&steps, together, &decoded);
            let is_too_much = fitting < count;
            if is_too_much
                && fitting == 0
                && count > 1
                && decoded.first().is_some_and(Option::is_none)
            {
                // The others took the room that the first batch needs. They cannot be used before
                // it, so all are decoded again, fewer at once.
                self.window = count.div_ceil(4);
                continue;
            }
            decoded.truncate(fitting);
            let decoded: Vec<_> = decoded.into_iter().flatten().collect();
            let is_all = fitting == batches.len();
            let end = if is_all { steps.len() } else { end_of_batches(&steps, fitting) };
            let round = Round {
                steps: steps.drain(..end).collect(),
                batches: batches.drain(..fitting).collect(),
                decoded: Ok(decoded),
            };
            self.send(round)?;
            if !is_too_much {
                self.window = (self.window * 2).min(self.bounds.batch_count);
            } else if fitting > 0 {
                self.window = fitting;
            } else if let Some(batch) = batches.pop_front() {
                steps.pop_front();
                self.decode_alone(&batch)?;
            }
        }
        Ok(())
    }

    /// Counts the batches, from the first, that were decoded completely within the budget of their
    /// input.
    fn fitting(
        &self,
        steps: &VecDeque<Option<ReadingStep>>,
        batches: &[ReadBatch],
        decoded: &[Option<DecodedBatch>],
    ) -> usize {
        let mut input = self.input;
        let mut fitting = 0;
        let mut outcomes = batches.iter().zip(decoded);
        for step in steps {
            match step {
                None => {
                    let Some((batch, Some(decoded))) = outcomes.next() else { break };
                    input.take(decoded);
                    // Batches decoded in parallel each had the whole budget of their input. Only in
                    // order does it show which one overdraws it; that one is decoded alone, with
                    // what is left.
                    if input.expanded_bytes > batch.expansion_bytes_max() {
                        break;
                    }
                    fitting += 1;
                }
                Some(ReadingStep::Begin(_)) => input = InputSoFar::default(),
                Some(_) => {}
            }
        }
        fitting
    }

    fn send(&mut self, round: Round) -> Result<(), Ended> {
        if round.steps.is_empty() {
            return Ok(());
        }
        let mut decoded = round.decoded.iter().flatten();
        for step in &round.steps {
            match step {
                None => decoded.next().into_iter().for_each(|it| self.input.take(it)),
                Some(ReadingStep::Begin(it)) => {
                    self.input = InputSoFar { modified: it.modified, ..InputSoFar::default() };
                }
                Some(_) => {}
            }
        }
        self.rounds.send(round).map_err(|_| Ended)
    }

    /// Decodes a batch that is too large for a round, and hands it on in pieces.
    fn decode_alone(&mut self, batch: &ReadBatch) -> Result<(), Ended> {
        let InputSoFar { expanded_bytes, last_time, modified } = self.input;
        let left_bytes = batch.expansion_bytes_max().saturating_sub(expanded_bytes);
        // Without a room: pieces are handed on as they fill, which bounds the memory.
        let budget = Arc::new(DecodingBudget::new(left_bytes, None).halted_by(self.stop.flag()));
        let borrowed = last_time.or(modified).unwrap_or_else(Timestamp::now);
        let piece_bytes = self.bounds.piece_bytes;
        let mut has_ended = false;
        let decoded =
            self.workers.decode_pieces(batch, borrowed, piece_bytes, &budget, &mut |piece| {
                // Nothing after a piece that is left out may count as read.
                has_ended = self.stop.is_requested();
                if !has_ended {
                    let decoded = Ok(vec![piece]);
                    let round = Round { steps: vec![None], batches: Vec::new(), decoded };
                    has_ended = self.send(round).is_err();
                }
                if has_ended {
                    budget.halt();
                }
            });
        self.input.expanded_bytes = expanded_bytes.saturating_add(budget.expanded_bytes());
        if let Err(error) = decoded {
            let round = Round { steps: Vec::new(), batches: Vec::new(), decoded: Err(error) };
            return self.rounds.send(round).map_err(|_| Ended);
        }
        // The stop may have come before the first piece.
        if has_ended || self.stop.is_requested() { Err(Ended) } else { Ok(()) }
    }
}

/// Returns the index of the step after the first `count` batches.
fn end_of_batches(steps: &VecDeque<Option<ReadingStep>>, count: usize) -> usize {
    let mut left = count;
    let is_before = |step: &&Option<ReadingStep>| {
        if step.is_some() {
            return true;
        }
        let is_before = left > 0;
        left = left.saturating_sub(1);
        is_before
    };
    steps.iter().take_while(is_before).count()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use base64::Engine;
    use crossbeam_channel::{bounded, unbounded};

    use super::*;
    use crate::ingest::reading::OpenedInput;
    use crate::ingest::reading::{Beginning, Ending, read_inputs};
    use crate::source::SourceReader;
    use crate::store::{OriginKind, StoreWriter};

    const BOUNDS: RoundBounds =
        RoundBounds { batch_count: 8, round_bytes: 400_000, piece_bytes: 20_000 };

    /// A line whose payload has so many events without a time, or one of another text.
    fn payload(events: impl Iterator<Item = String>) -> String {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        events.for_each(|it| writeln!(encoder, "{it}").unwrap());
        let bytes = encoder.finish().unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("{{\"awslogs\":{{\"data\":\"{text}\"}}}}\n")
    }

    fn event(number: usize) -> String {
        format!(r#"{{"traceId":"trace-{number}","event":{{"eventName":"RULE_APPLIED"}}}}"#)
    }

    /// Decodes inputs one after another. For each round: the batches or pieces in it, and how many
    /// of them were read rather than made.
    fn decode(inputs: &[&str], is_stopped: bool) -> (Vec<Round>, Vec<usize>) {
        let dir = tempfile::tempdir().unwrap();
        let writer = StoreWriter::open_or_create(&dir.path().join("store")).unwrap();
        let workers = Workers::new(writer.preparers(), None);
        let stop = Stop::new();
        if is_stopped {
            stop.request();
        }
        let steps = read(inputs);
        let (rounds, decoded) = bounded(1_000_000);
        RoundDecoder::new(&workers, rounds, BOUNDS, &stop).run(&steps);
        let rounds: Vec<Round> = decoded.into_iter().collect();
        let counts = rounds.iter().flat_map(|it| it.decoded.as_ref().unwrap());
        let counts = counts.map(|it| it.prepared.len()).collect();
        (rounds, counts)
    }

    fn read(inputs: &[&str]) -> Receiver<ReadingStep> {
        let opened = inputs.iter().map(|text| OpenedInput {
            name: "input".to_owned(),
            kind: OriginKind::File,
            modified: None,
            reader: SourceReader::from_reader(
                Box::new(Cursor::new(text.as_bytes().to_vec())),
                "input".to_owned(),
            ),
            object: None,
        });
        let (step_sender, steps) = unbounded();
        read_inputs(opened, &step_sender, &AtomicU64::new(0), &Stop::new());
        steps
    }

    use std::sync::atomic::AtomicU64;

    #[test]
    fn what_is_too_much_for_a_round_comes_in_pieces_and_in_order() {
        let small: String = (0..3_000).map(|it| event(it) + "\n").collect();
        let large = payload((3_000..9_000).map(event));
        let input = format!("{small}{large}{}\n", event(9_000));
        let (rounds, counts) = decode(&[&input, &event(0)], false);
        assert_eq!(counts.iter().sum::<usize>(), 9_002);
        assert!(counts.len() > 50, "{counts:?}");
        let pieces = rounds
            .iter()
            .filter(|it| it.batches.is_empty() && it.decoded.as_ref().unwrap().len() == 1);
        for piece in pieces {
            let [piece] = piece.decoded.as_ref().unwrap().as_slice() else { panic!() };
            assert!(piece.prepared.len() <= 40 && !piece.lacks_time);
            assert!(piece.prepared.knows_messages());
        }
        let steps: Vec<&Option<ReadingStep>> = rounds.iter().flat_map(|it| &it.steps).collect();
        let begins =
            |it: &&&Option<ReadingStep>| matches!(it, Some(ReadingStep::Begin(Beginning { .. })));
        let ends = |it: &&&Option<ReadingStep>| {
            matches!(it, Some(ReadingStep::End(Ending { problem: None, .. })))
        };
        assert_eq!(
            (steps.iter().filter(begins).count(), steps.iter().filter(ends).count()),
            (2, 2)
        );
        assert_eq!(steps.iter().filter(|it| it.is_none()).count(), counts.len());
    }

    #[test]
    fn all_payloads_of_an_input_share_one_budget_however_they_are_decoded() {
        let blanks = payload((0..3).map(|_| " ".repeat(10 << 20)));
        let input = format!("{}{}\n", blanks.repeat(4), event(0));
        let rejects = |inputs: &[&str]| -> Vec<String> {
            let (rounds, _) = decode(inputs, false);
            let decoded = rounds.into_iter().flat_map(|it| it.decoded.unwrap());
            decoded.flat_map(|it| it.rejects).map(|it| it.reason).collect()
        };
        let found = rejects(&[&input]);
        assert_eq!(found.iter().filter(|it| it.contains("expands to more than")).count(), 2);
        // The next input has its own.
        assert_eq!(rejects(&[&input, &input]).len(), 2 * found.len());
    }

    #[test]
    fn whoever_stops_among_pieces_does_not_see_the_end() {
        let large = payload((0..6_000).map(event));
        let (rounds, counts) = decode(&[&large], true);
        assert_eq!(counts.len(), 0);
        let is_end = |it: &Option<ReadingStep>| matches!(it, Some(ReadingStep::End(_)));
        assert!(!rounds.iter().flat_map(|it| &it.steps).any(is_end));
    }

    #[test]
    fn whoever_stops_does_not_wait_for_the_end_of_blanks() {
        let dir = tempfile::tempdir().unwrap();
        let writer = StoreWriter::open_or_create(&dir.path().join("store")).unwrap();
        let workers = Workers::new(writer.preparers(), None);
        let stop = Stop::new();
        stop.request();
        let (rounds, _decoded) = unbounded();
        let mut decoder = RoundDecoder::new(&workers, rounds, BOUNDS, &stop);
        let blanks = payload(std::iter::once(" ".repeat(50 << 20)));
        let batches: Vec<ReadBatch> = read(&[&blanks])
            .into_iter()
            .filter_map(|it| if let ReadingStep::Batch(batch) = it { Some(batch) } else { None })
            .collect();
        let [batch] = batches.as_slice() else { panic!("{}", batches.len()) };
        assert!(decoder.decode_alone(batch).is_err());
        assert!(decoder.input.expanded_bytes < 1 << 20, "{}", decoder.input.expanded_bytes);
    }
}
