//! What is known of a study that runs, and its words. No clock: the caller says how much time has
//! passed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use seal_files::{Holder, Timing};
use seal_study::PlannedStage;

use crate::tracker::approximately;

/// What the store says at one moment.
pub(super) struct StudyStatus {
    pub(super) stages: Vec<PlannedStage>,
    /// By arm, the numbers of the stages that it needs.
    pub(super) arms: Vec<BTreeSet<usize>>,
    /// What is claimed: of this study and of others that share the store.
    pub(super) running: Vec<ClaimedOutput>,
    /// Whether the run folder has the results of these stages.
    pub(super) has_results: bool,
}

/// An output that is claimed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClaimedOutput {
    /// `<stage>-<key>`.
    pub(super) output: String,
    /// Who makes it, where the claim says so.
    pub(super) holder: Option<Holder>,
    /// When the claim was last renewed, by the clock of the file system.
    pub(super) beat: Option<SystemTime>,
}

impl StudyStatus {
    pub(super) fn is_done(&self) -> bool {
        self.has_results && self.stages.iter().all(|stage| stage.found)
    }

    fn done(&self) -> usize {
        self.stages.iter().filter(|stage| stage.found).count()
    }

    /// Arms whose stages are all there, and all arms.
    fn arms(&self) -> (usize, usize) {
        let is_done = |needed: &&BTreeSet<usize>| needed.iter().all(|i| self.stages[*i].found);
        (self.arms.iter().filter(is_done).count(), self.arms.len())
    }

    /// Running stages of this study.
    pub(super) fn running_stages(&self) -> Vec<(&ClaimedOutput, &PlannedStage)> {
        let stage = |running: &&ClaimedOutput| {
            self.stages.iter().find(|stage| {
                let key = running.output.strip_prefix(stage.stage);
                !stage.found
                    && key.and_then(|rest| rest.strip_prefix('-')) == Some(stage.key.as_str())
            })
        };
        let all = self.running.iter();
        all.filter_map(|running| Some((running, stage(&running)?))).collect()
    }
}

/// What was seen since the watch began.
#[derive(Default)]
pub(super) struct WatchHistory {
    /// Cost of the stages that were done when the watch began, and that are done now.
    cost: Option<(f64, f64)>,
    left: f64,
    stages: Option<(usize, usize)>,
    elapsed: Duration,
    /// When a stage was last being made, or finished.
    worked: Duration,
    /// Since when each claim has shown no beat.
    beats: BTreeMap<String, (Option<SystemTime>, Duration)>,
}

impl WatchHistory {
    /// Records a status that was read so long after the watch began.
    pub(super) fn note(&mut self, status: &StudyStatus, elapsed: Duration) {
        let (done, left): (Vec<&PlannedStage>, Vec<_>) =
            status.stages.iter().partition(|s| s.found);
        let cost: f64 = done.iter().map(|stage| stage.cost).sum();
        self.cost = Some((self.cost.map_or(cost, |(first, _)| first), cost));
        self.left = left.iter().map(|stage| stage.cost).sum();
        let before = self.stages;
        self.stages = Some((before.map_or(done.len(), |(first, _)| first), done.len()));
        self.elapsed = elapsed;
        let now: BTreeSet<&str> = status.running.iter().map(|one| one.output.as_str()).collect();
        self.beats.retain(|output, _| now.contains(output.as_str()));
        for one in &status.running {
            let last = self.beats.entry(one.output.clone()).or_insert((one.beat, elapsed));
            if last.0 != one.beat {
                *last = (one.beat, elapsed);
            }
        }
        let is_new = before.is_none_or(|(_, last)| last != done.len());
        if is_new || status.running_stages().iter().any(|(of, _)| self.silent(&of.output).is_none())
        {
            self.worked = elapsed;
        }
    }

    /// Whether nobody has made a stage for so long that it is no pause between two.
    fn is_idle(&self, status: &StudyStatus) -> bool {
        const PAUSE: Duration = Duration::from_secs(10);
        !status.is_done() && self.elapsed.saturating_sub(self.worked) > PAUSE
    }

    /// Stages a minute, and the time that the others take; `None` before anything was done.
    fn rate(&self) -> Option<(f64, Duration)> {
        let ((first, now), (few, many)) = (self.cost?, self.stages?);
        let seconds = self.elapsed.as_secs_f64();
        let done = now - first;
        if many == few || seconds <= 0.0 || done <= 0.0 {
            return None;
        }
        let left = Duration::try_from_secs_f64(self.left * seconds / done).ok()?;
        Some(((many - few) as f64 * 60.0 / seconds, left))
    }

    /// For how long a claim has shown no sign of life, if that is too long.
    fn silent(&self, output: &str) -> Option<Duration> {
        let quiet = self.elapsed.saturating_sub(self.beats.get(output)?.1);
        (quiet > Timing::default().silent).then_some(quiet)
    }
}

/// The state in one line.
fn summary(seen: &WatchHistory, status: &StudyStatus) -> String {
    let (arms, of) = status.arms();
    let (done, all, running) = (status.done(), status.stages.len(), status.running_stages().len());
    let mut text = format!(
        "{arms}/{of} arms, {done}/{all} stages done, {running} running, {} waiting",
        (all - done).saturating_sub(running)
    );
    if let Some((rate, left)) = seen.rate().filter(|_| done < all) {
        text.push_str(&format!(", {rate:.1} stages a minute, about {} left", approximately(left)));
    }
    text.push_str(end(seen, status));
    text
}

/// What is said at the end of the state.
fn end(seen: &WatchHistory, status: &StudyStatus) -> &'static str {
    if status.is_done() {
        "; the results are there"
    } else if seen.is_idle(status) {
        "; no process makes a stage"
    } else {
        ""
    }
}

/// One line for each stage that runs.
fn running(seen: &WatchHistory, status: &StudyStatus) -> Vec<String> {
    let one = |(running, stage): &(&ClaimedOutput, &PlannedStage)| {
        let who = match &running.holder {
            Some(holder) => format!("process {} on {}", holder.process, holder.host),
            None => "a process that its claim does not name".to_owned(),
        };
        let silent = seen.silent(&running.output).map_or_else(String::new, |quiet| {
            format!(", no sign of life for {} s: the next run takes it over", quiet.as_secs())
        });
        (who.clone(), format!("{} {}: {who}{silent}", stage.stage, stage.label))
    };
    let mut all: Vec<(String, String)> = status.running_stages().iter().map(one).collect();
    all.sort();
    all.into_iter().map(|(_, line)| line).collect()
}

/// Stages that run by host.
fn hosts(status: &StudyStatus) -> String {
    let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
    for (running, _) in status.running_stages() {
        let host = running.holder.as_ref().map_or("?", |holder| holder.host.as_str());
        *hosts.entry(host).or_default() += 1;
    }
    let one = |(host, count): (&&str, &usize)| format!("{host}: {count}");
    hosts.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// By kind of stage: done, running, waiting.
fn kinds(status: &StudyStatus) -> Vec<String> {
    let own = status.running_stages();
    let mut order: Vec<&str> = Vec::new();
    for stage in &status.stages {
        if !order.contains(&stage.stage) {
            order.push(stage.stage);
        }
    }
    let one = |kind: &str| {
        let of_kind = || status.stages.iter().filter(|stage| stage.stage == kind);
        let (all, done) = (of_kind().count(), of_kind().filter(|stage| stage.found).count());
        let running = own.iter().filter(|(_, stage)| stage.stage == kind).count();
        let waiting = (all - done).saturating_sub(running);
        format!("  {kind:<14} {done:>4} done {running:>4} running {waiting:>4} waiting")
    };
    order.into_iter().map(one).collect()
}

/// All of it, for a terminal.
pub(super) fn picture(seen: &WatchHistory, status: &StudyStatus, failed: &[String]) -> Vec<String> {
    let mut lines = vec![summary(seen, status)];
    lines.extend(kinds(status));
    let hosts = hosts(status);
    if !hosts.is_empty() {
        lines.push(format!("running by host: {hosts}"));
    }
    lines.extend(running(seen, status).into_iter().map(|line| format!("  {line}")));
    lines.extend(failed.iter().map(|line| format!("failed: {line}")));
    lines
}

/// The same as lines of which each is printed when it is new. What changes without news, such as
/// the time left, is in none of them.
pub(super) fn lines(seen: &WatchHistory, status: &StudyStatus, failed: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = failed.iter().map(|line| format!("failed: {line}")).collect();
    lines.extend(running(seen, status).into_iter().map(|line| format!("runs: {line}")));
    let (arms, of) = status.arms();
    let (done, all) = (status.done(), status.stages.len());
    let end = end(seen, status);
    lines.push(format!("{arms}/{of} arms, {done}/{all} stages done{end}"));
    lines
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
