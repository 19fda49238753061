//! Progress on a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::GetOptions;
use crate::client::Update;

/// Most servers that get a bar each: what a screen has room for. More of them share one that counts poems.
const MOST_BARS: usize = 16;

/// A bar for each server, or one for all; gone when all is over.
pub(super) struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn new(options: &GetOptions) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bars = if options.servers.len() > MOST_BARS {
            let bar = ProgressBar::new(options.servers.len() as u64).with_style(style("{pos}/{len} poems"));
            vec![all.add(bar)]
        } else {
            let line = |(number, server)| {
                let bar = ProgressBar::no_length()
                    .with_prefix(format!("Task {}: {server}", number + 1))
                    .with_style(style("{prefix}  {bytes}  {elapsed}"));
                all.add(bar)
            };
            options.servers.iter().enumerate().map(line).collect()
        };
        Self { all, bars }
    }

    /// For whoever writes text, that the bars make room.
    pub(super) fn all(&self) -> MultiProgress {
        self.all.clone()
    }

    pub(super) fn news(&self, update: &Update) {
        let one_each = self.bars.len() > 1 || self.bars.iter().all(|bar| bar.length().is_none());
        match update {
            Update::Progress { task, piece, announced } if one_each => {
                let Some(bar) = self.bars.get(*task) else { return };
                if let (Some(length), None) = (announced, bar.length()) {
                    bar.set_style(style("{prefix}  {bytes}/{total_bytes} {wide_bar}  {elapsed}"));
                    bar.set_length(*length as u64);
                }
                bar.inc(piece.len() as u64);
            }
            Update::Progress { .. } => {}
            Update::Done { task, .. } if one_each => {
                if let Some(bar) = self.bars.get(*task) {
                    bar.finish_and_clear();
                }
            }
            Update::Done { .. } => self.bars[0].inc(1),
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in &self.bars {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
