//! The progress bar, on stderr and only if that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::context::Context;
#[cfg(feature = "aws")]
use crate::cluster::PublishProgress;
use crate::ingest::Progress;
#[cfg(feature = "aws")]
use crate::pull::PullProgress;
#[cfg(feature = "aws")]
use crate::render::bytes_in_words;
use crate::store::VerifyProgress;

/// The highest rate at which the bar is drawn.
const DRAWS_PER_SECOND: u8 = 8;

/// A bar that is hidden until there is something to show, and erased when dropped.
struct Bar(ProgressBar);

impl Bar {
    /// A bar; `None` if nobody would see it.
    fn new(context: &Context) -> Option<Self> {
        let is_shown = !context.global.quiet && std::io::stderr().is_terminal();
        is_shown.then(|| Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())))
    }

    /// Shows a message after a spinner.
    #[cfg(feature = "aws")]
    fn say(&self, message: String) {
        self.0.set_message(message);
        self.0.tick();
        if self.0.is_hidden() {
            self.reveal("{spinner} {wide_msg}");
        }
    }

    /// Starts drawing.
    fn reveal(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The progress of a command, as it is shown.
pub(crate) struct ShownProgress(Option<Bar>);

impl ShownProgress {
    /// A bar, hidden at first.
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    /// No bar.
    #[cfg(feature = "aws")]
    pub(crate) fn hidden() -> Self {
        Self(None)
    }

    /// The progress of an import.
    pub(crate) fn import(&self, progress: Progress) {
        let Some(hidden @ Bar(bar)) = &self.0 else { return };
        let rate = rate(progress.read, bar.elapsed());
        bar.set_message(format!("{} events, {rate}/s", progress.read));
        bar.set_position(progress.bytes);
        if !bar.is_hidden() {
            return;
        }
        let template = match progress.total_bytes {
            Some(total_bytes) => {
                bar.set_length(total_bytes);
                "{bar:12} {bytes} of {total_bytes}, {msg}, {eta} left"
            }
            None => "{spinner} {bytes}, {msg}",
        };
        hidden.reveal(template);
    }

    /// The progress of a verification; may be called from any thread.
    pub(crate) fn verification(&self, progress: VerifyProgress) {
        let Some(hidden @ Bar(bar)) = &self.0 else { return };
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.bytes);
        if bar.is_hidden() {
            hidden.reveal("{bar:12} {bytes} of {total_bytes} checked, {eta} left");
        }
    }

    /// The progress of reading originals: so many of so many.
    pub(crate) fn reading(&self, done: u64, total: u64) {
        let Some(hidden @ Bar(bar)) = &self.0 else { return };
        bar.set_length(total);
        bar.set_position(done);
        // An answer that is complete at once shows no bar.
        if bar.is_hidden() && done < total {
            hidden.reveal("reading originals {bar:30} {human_pos} of {human_len}");
        }
    }
}

#[cfg(feature = "aws")]
impl ShownProgress {
    /// The progress of a pull.
    pub(crate) fn pull(&self, progress: PullProgress) {
        let Some(bar) = &self.0 else { return };
        let (done, all) = progress.slices;
        let mut message = format!(
            "{done} of {all} ranges, {} pages, {}, {} events ({}/s), {} new",
            progress.pages,
            bytes_in_words(progress.bytes),
            progress.events,
            rate(progress.events, bar.0.elapsed()),
            progress.added,
        );
        if let Some(reached) = progress.reached {
            message.push_str(&format!(", at {reached}"));
        }
        if progress.throttled > 0 {
            message.push_str(&format!(", {} throttled", progress.throttled));
        }
        bar.say(message);
    }

    /// The progress of a publication.
    pub(crate) fn publication(&self, progress: PublishProgress) {
        let Some(bar) = &self.0 else { return };
        let rate = rate(progress.events, bar.0.elapsed());
        let bytes = bytes_in_words(progress.bytes);
        bar.say(format!("{} events sent, {rate}/s, {bytes}", progress.events));
    }

    /// The number of events fetched so far.
    pub(crate) fn fetching(&self, events: u64) {
        let Some(bar) = &self.0 else { return };
        bar.say(format!("{events} events received, {}/s", rate(events, bar.0.elapsed())));
    }
}

fn rate(count: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}
