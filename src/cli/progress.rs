//! The progress bar, on stderr and only when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Context;
use crate::ingest::Progress;
use crate::pull::PullProgress;

/// How often the bar is drawn, at most.
const DRAWS_PER_SECOND: u8 = 8;

/// Shows how an import gets on.
pub(super) struct ImportProgress {
    /// Hidden until there is something to show.
    bar: Option<ProgressBar>,
}

impl ImportProgress {
    pub(super) fn new(context: &Context) -> Self {
        let is_shown = !context.global.quiet && std::io::stderr().is_terminal();
        let bar = || ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar: is_shown.then(bar) }
    }

    pub(super) fn show(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
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
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
    }
}

impl Drop for ImportProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows how a pull gets on.
pub(super) struct PullingProgress {
    bar: Option<ProgressBar>,
}

impl PullingProgress {
    /// A pull that follows shows nothing: it is always about to be done.
    pub(super) fn new(context: &Context, is_following: bool) -> Self {
        let is_shown = !context.global.quiet && !is_following && std::io::stderr().is_terminal();
        let bar = || ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar: is_shown.then(bar) }
    }

    pub(super) fn show(&self, progress: PullProgress) {
        let Some(bar) = &self.bar else { return };
        let (done, all) = progress.slices;
        let mut message = format!(
            "{done} of {all} ranges, {} pages, {}, {} events ({}/s), {} new",
            progress.pages,
            indicatif::BinaryBytes(progress.bytes),
            progress.events,
            rate(progress.events, bar.elapsed()),
            progress.added,
        );
        if let Some(reached) = progress.reached {
            message.push_str(&format!(", at {reached}"));
        }
        if progress.throttled > 0 {
            message.push_str(&format!(", {} throttled", progress.throttled));
        }
        bar.set_message(message);
        bar.tick();
        if bar.is_hidden() {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
        }
    }
}

impl Drop for PullingProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn rate(count: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}
