//! Progress of a long verb on standard error: a bar on a terminal, a line now and then elsewhere.

use super::output::note;
use crate::books::import::Job;
use crate::text::count;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Shows progress: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Shown {
    end: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Shown {
    pub(super) fn start(what: &'static str, job: &Job) -> Self {
        let total = job
            .files
            .iter()
            .filter_map(|(path, _)| fs::metadata(path).ok())
            .map(|about| about.len())
            .sum::<u64>();
        let (end, progress) = (Arc::new(AtomicBool::new(false)), job.progress.clone());
        let ended = Arc::clone(&end);
        let terminal = std::io::stderr().is_terminal();
        let thread = std::thread::spawn(move || {
            let bar = if terminal {
                ProgressBar::new(total)
            } else {
                ProgressBar::hidden()
            };
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_message(what);
            let mut said = Instant::now();
            while !ended.load(Ordering::SeqCst) {
                let read = progress.load(Ordering::Relaxed);
                bar.set_position(read);
                if !terminal && said.elapsed() >= Duration::from_secs(10) {
                    note(&format!(
                        "{what}: {} of {} bytes",
                        count(u128::from(read)),
                        count(u128::from(total))
                    ));
                    said = Instant::now();
                }
                std::thread::park_timeout(Duration::from_millis(200));
            }
            bar.finish_and_clear();
        });
        Self {
            end,
            thread: Some(thread),
        }
    }

    pub(super) fn stop(mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A bar that panicked has shown all it will.
            let _shown = thread.join();
        }
    }
}
