//! Live progress on stderr; silent when stderr is not a terminal.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::Event;
use crate::outcome::Verdict;
use crate::plan::Plan;

/// A bar that names what is being looked at.
pub(crate) struct Progress<'a> {
    /// The bar; hidden when nobody watches.
    bar: ProgressBar,
    /// What is running, by index.
    running: BTreeSet<usize>,
    /// How many are red so far.
    red: usize,
    /// For the ids.
    plan: &'a Plan,
}

impl<'a> Progress<'a> {
    /// A bar for the plan; `wanted` is what the options say.
    pub(crate) fn new(plan: &'a Plan, wanted: bool) -> Self {
        let visible = wanted && std::io::stderr().is_terminal();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(plan.steps.len() as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self {
            bar,
            running: BTreeSet::new(),
            red: 0,
            plan,
        }
    }

    /// Takes note of an event.
    pub(crate) fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(index) => {
                self.running.insert(*index);
            }
            Event::Finished(index, result) => {
                self.running.remove(index);
                self.red += usize::from(matches!(result.verdict, Verdict::Fail | Verdict::Error));
                self.bar.inc(1);
            }
        }
        if !self.bar.is_hidden() {
            let names: Vec<&str> = self
                .running
                .iter()
                .map(|index| self.plan.steps[*index].check.fields.id.as_str())
                .collect();
            let red = if self.red > 0 {
                format!("{} red; ", self.red)
            } else {
                String::new()
            };
            self.bar.set_message(format!("{red}{}", names.join(", ")));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
