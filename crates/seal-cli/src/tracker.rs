//! What a study has done and what is left, from its events. No clock and no
//! terminal: the caller says how much time has passed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use seal_study::{Event, PlanView};

/// The state of a running study. Costs are estimates in one unit, so that their
/// ratios tell how far it is.
#[derive(Debug, Default)]
pub(crate) struct ProgressTracker {
    stages: usize,
    found: usize,
    finished: usize,
    cells: usize,
    judged: usize,
    cost: f64,
    finished_cost: f64,
    running: BTreeMap<usize, RunningStage>,
}

/// The last stage of a cell: once it is done, so is the cell.
const LAST: &str = "verdicts";

#[derive(Debug)]
struct RunningStage {
    stage: &'static str,
    name: String,
    cost: f64,
    done: f64,
}

impl ProgressTracker {
    /// Before the first event; the plan says how many cells there are. Cells
    /// that share every stage count once.
    pub(crate) fn new(plan: &PlanView) -> Self {
        let cells = || plan.stages.iter().filter(|stage| stage.stage == LAST);
        let judged = cells().filter(|stage| stage.found).count();
        Self { cells: cells().count(), judged, ..Self::default() }
    }

    /// Takes note of an event.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Planned { stages, found, cost } => {
                (self.stages, self.found, self.cost) = (*stages, *found, *cost);
            }
            Event::Started { node, stage, label, cost, device } => {
                let on = device.as_ref().map_or_else(String::new, |device| format!(" on {device}"));
                let name = format!("{stage} {label}{on}");
                self.running.insert(*node, RunningStage { stage, name, cost: *cost, done: 0.0 });
            }
            Event::Progress { node, done } => {
                if let Some(running) = self.running.get_mut(node) {
                    running.done = done.clamp(0.0, 1.0);
                }
            }
            Event::Finished { node, cost, .. } => {
                if self.running.remove(node).is_some_and(|r| r.stage == LAST) {
                    self.judged += 1;
                }
                self.finished += 1;
                self.finished_cost += cost;
            }
            Event::Failed { node, .. } => {
                self.running.remove(node);
            }
            Event::Notice { .. } | Event::Report { .. } => {}
        }
    }

    /// Name of a running stage.
    pub(crate) fn name(&self, node: usize) -> Option<&str> {
        self.running.get(&node).map(|running| running.name.as_str())
    }

    /// Whether a stage of this cost takes so much of the run that its end is long in coming.
    pub(crate) fn is_long(&self, cost: f64) -> bool {
        const SHARE: f64 = 0.05;
        cost > SHARE * self.cost
    }

    /// Share of the work that is done, in [0, 1].
    pub(crate) fn fraction(&self) -> f64 {
        if self.cost <= 0.0 {
            return 1.0;
        }
        let running: f64 = self.running.values().map(|r| r.cost * r.done).sum();
        ((self.finished_cost + running) / self.cost).clamp(0.0, 1.0)
    }

    /// Time left at the speed so far; none before 2 % are done, where a guess
    /// would be worthless.
    pub(crate) fn left(&self, elapsed: Duration) -> Option<Duration> {
        let fraction = self.fraction();
        (fraction >= 0.02).then(|| elapsed.mul_f64((1.0 - fraction) / fraction))
    }

    /// Counts and time left: `2/12 cells, 12/40 stages, about 3 min left`.
    pub(crate) fn counts(&self, elapsed: Duration) -> String {
        let (done, stages) = (self.found + self.finished, self.stages);
        let mut text = format!("{}/{} cells, {done}/{stages} stages", self.judged, self.cells);
        if done < stages
            && let Some(left) = self.left(elapsed)
        {
            // Writing to a string does not fail.
            let _ = write!(text, ", about {} left", approximately(left));
        }
        text
    }

    /// The stages running now, with their progress: `sft relu/1 40 %`.
    pub(crate) fn running(&self) -> String {
        let one = |r: &RunningStage| format!("{} {:.0} %", r.name, r.done * 100.0);
        self.running.values().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// A duration in the precision of an estimate.
pub(crate) fn approximately(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds {
        0 => "<1 s".to_owned(),
        1..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(node: usize, stage: &'static str, cost: f64) -> Event {
        Event::Started { node, stage, label: format!("arm-{node}"), cost, device: None }
    }

    fn finished(node: usize, cost: f64) -> Event {
        Event::Finished { node, seconds: 1.0, cost }
    }

    #[test]
    fn time_left_follows_cost_not_counts() {
        let mut tracker = ProgressTracker { cells: 2, judged: 1, ..ProgressTracker::default() };
        tracker.note(&Event::Planned { stages: 6, found: 3, cost: 100.0 });
        assert_eq!(tracker.counts(Duration::ZERO), "1/2 cells, 3/6 stages");
        tracker.note(&started(0, "verdicts", 10.0));
        tracker.note(&started(1, "sft", 80.0));
        assert!(tracker.is_long(80.0) && !tracker.is_long(5.0));
        tracker.note(&finished(0, 10.0));
        tracker.note(&Event::Progress { node: 1, done: 0.5 });
        assert_eq!(tracker.fraction(), 0.5);
        let elapsed = Duration::from_secs(120);
        assert_eq!(tracker.counts(elapsed), "2/2 cells, 4/6 stages, about 2 min left");
        assert_eq!(tracker.running(), "sft arm-1 50 %");
        tracker.note(&Event::Failed { node: 1, message: "out of rows".into() });
        assert_eq!((tracker.running().as_str(), tracker.fraction()), ("", 0.1));
    }

    #[test]
    fn a_stage_that_has_a_device_of_several_says_which() {
        let mut tracker = ProgressTracker::default();
        let (stage, label, device) = ("sft", "seal seed 0".to_owned(), Some("cuda:3".to_owned()));
        tracker.note(&Event::Started { node: 4, stage, label, cost: 1.0, device });
        assert_eq!(tracker.running(), "sft seal seed 0 on cuda:3 0 %");
        assert_eq!(tracker.name(4), Some("sft seal seed 0 on cuda:3"));
    }

    #[test]
    fn nothing_to_do_is_done() {
        let mut tracker = ProgressTracker::default();
        tracker.note(&Event::Planned { stages: 4, found: 4, cost: 0.0 });
        assert_eq!((tracker.fraction(), tracker.left(Duration::ZERO)), (1.0, Some(Duration::ZERO)));
    }

    #[test]
    fn estimates_are_coarse() {
        let text = |s| approximately(Duration::from_secs(s));
        assert_eq!([text(0), text(90), text(100)], ["<1 s", "90 s", "2 min"]);
        assert_eq!([text(5400), text(5401)], ["90 min", "1 h 30 min"]);
    }
}
