//! The progress bar, on stderr and only when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::context::Context;
#[cfg(feature = "aws")]
use crate::cluster::PublishProgress;
use crate::ingest::Progress;
#[cfg(feature = "aws")]
use crate::pull::PullProgress;
use crate::store::VerifyProgress;

/// How often the bar is drawn, at most.
const DRAWS_PER_SECOND: u8 = 8;

/// A bar that is hidden until there is something to show, and goes when it is dropped.
struct Bar(ProgressBar);

impl Bar {
    /// None where nobody would see it.
    fn new(context: &Context) -> Option<Self> {
        let is_shown = !context.global.quiet && std::io::stderr().is_terminal();
        is_shown.then(|| Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())))
    }

    /// Shows a message behind a spinner.
    #[cfg(feature = "aws")]
    fn say(&self, message: String) {
        self.0.set_message(message);
        self.0.tick();
        if self.0.is_hidden() {
            self.reveal("{spinner} {wide_msg}");
        }
    }

    /// Begins to be drawn.
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

/// Shows how an import gets on.
pub(crate) struct ImportProgress(Option<Bar>);

impl ImportProgress {
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    pub(crate) fn show(&self, progress: Progress) {
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
}

/// Shows how a verification gets on; from any thread.
pub(crate) struct VerifyingProgress(Option<Bar>);

impl VerifyingProgress {
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    pub(crate) fn show(&self, progress: VerifyProgress) {
        let Some(hidden @ Bar(bar)) = &self.0 else { return };
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.bytes);
        if bar.is_hidden() {
            hidden.reveal("{bar:12} {bytes} of {total_bytes} checked, {eta} left");
        }
    }
}

/// Shows how a pull gets on.
#[cfg(feature = "aws")]
pub(crate) struct PullingProgress(Option<Bar>);

#[cfg(feature = "aws")]
impl PullingProgress {
    /// A pull that follows shows nothing: it is always about to be done.
    pub(crate) fn new(context: &Context, is_following: bool) -> Self {
        Self(Bar::new(context).filter(|_| !is_following))
    }

    pub(crate) fn show(&self, progress: PullProgress) {
        let Some(bar) = &self.0 else { return };
        let (done, all) = progress.slices;
        let mut message = format!(
            "{done} of {all} ranges, {} pages, {}, {} events ({}/s), {} new",
            progress.pages,
            indicatif::BinaryBytes(progress.bytes),
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
}

/// Shows how a publication gets on.
#[cfg(feature = "aws")]
pub(crate) struct PublishingProgress(Option<Bar>);

#[cfg(feature = "aws")]
impl PublishingProgress {
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    pub(crate) fn show(&self, progress: PublishProgress) {
        let Some(bar) = &self.0 else { return };
        let rate = rate(progress.events, bar.0.elapsed());
        let bytes = indicatif::BinaryBytes(progress.bytes);
        bar.say(format!("{} events are there, {rate}/s, {bytes}", progress.events));
    }
}

/// Shows how many events have come.
#[cfg(feature = "aws")]
pub(crate) struct FetchingProgress(Option<Bar>);

#[cfg(feature = "aws")]
impl FetchingProgress {
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    pub(crate) fn show(&self, events: u64) {
        let Some(bar) = &self.0 else { return };
        bar.say(format!("{events} events have come, {}/s", rate(events, bar.0.elapsed())));
    }
}

fn rate(count: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}

/// Shows how reading originals gets on.
pub(crate) struct ReadingProgress(Option<Bar>);

impl ReadingProgress {
    pub(crate) fn new(context: &Context) -> Self {
        Self(Bar::new(context))
    }

    /// So many of so many events were read.
    pub(crate) fn show(&self, done: u64, total: u64) {
        let Some(hidden @ Bar(bar)) = &self.0 else { return };
        bar.set_length(total);
        bar.set_position(done);
        if bar.is_hidden() && done < total {
            hidden.reveal("reading originals {bar:30} {human_pos} of {human_len}");
        }
    }
}
