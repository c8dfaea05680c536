//! What is known of a study that runs, and its words. No clock: the caller says how much time has
//! passed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use seal_files::{Holder, Timing};
use seal_study::PlannedStage;

use crate::tracker::approximately;

/// What the store says at one moment.
pub(super) struct Look {
    pub(super) stages: Vec<PlannedStage>,
    /// What is claimed: of this study and of others that share the store.
    pub(super) running: Vec<Running>,
    /// Whether the run folder has results.
    pub(super) has_results: bool,
}

/// An output that is claimed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Running {
    /// `<stage>-<key>`.
    pub(super) output: String,
    /// Who makes it, where the claim says so.
    pub(super) holder: Option<Holder>,
    /// When the claim was last renewed, by the clock of the file system.
    pub(super) beat: Option<SystemTime>,
}

impl Look {
    pub(super) fn is_done(&self) -> bool {
        self.has_results && self.stages.iter().all(|stage| stage.found)
    }

    fn done(&self) -> usize {
        self.stages.iter().filter(|stage| stage.found).count()
    }

    /// Arms whose stages are all there, and all arms; by the labels, which begin with the arm.
    fn arms(&self) -> (usize, usize) {
        let mut arms: BTreeMap<&str, bool> = BTreeMap::new();
        for stage in &self.stages {
            if let Some((arm, _)) = stage.label.split_once(" seed ") {
                *arms.entry(arm).or_insert(true) &= stage.found;
            }
        }
        (arms.values().filter(|is_done| **is_done).count(), arms.len())
    }

    /// Running stages of this study.
    fn own(&self) -> Vec<(&Running, &PlannedStage)> {
        let stage = |running: &&Running| {
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
pub(super) struct Seen {
    /// Cost of the stages that were done at the first look, and now.
    cost: Option<(f64, f64)>,
    left: f64,
    stages: Option<(usize, usize)>,
    elapsed: Duration,
    /// Since when each claim has shown no beat.
    beats: BTreeMap<String, (Option<SystemTime>, Duration)>,
}

impl Seen {
    /// Takes note of a look that was taken so long after the first.
    pub(super) fn note(&mut self, look: &Look, elapsed: Duration) {
        let (done, left): (Vec<&PlannedStage>, Vec<_>) = look.stages.iter().partition(|s| s.found);
        let cost: f64 = done.iter().map(|stage| stage.cost).sum();
        self.cost = Some((self.cost.map_or(cost, |(first, _)| first), cost));
        self.left = left.iter().map(|stage| stage.cost).sum();
        self.stages = Some((self.stages.map_or(done.len(), |(first, _)| first), done.len()));
        self.elapsed = elapsed;
        let now: BTreeSet<&str> = look.running.iter().map(|one| one.output.as_str()).collect();
        self.beats.retain(|output, _| now.contains(output.as_str()));
        for one in &look.running {
            let last = self.beats.entry(one.output.clone()).or_insert((one.beat, elapsed));
            if last.0 != one.beat {
                *last = (one.beat, elapsed);
            }
        }
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
fn summary(seen: &Seen, look: &Look) -> String {
    let (arms, of) = look.arms();
    let (done, all, running) = (look.done(), look.stages.len(), look.own().len());
    let mut text = format!(
        "{arms}/{of} arms, {done}/{all} stages done, {running} running, {} waiting",
        (all - done).saturating_sub(running)
    );
    if let Some((rate, left)) = seen.rate().filter(|_| done < all) {
        text.push_str(&format!(", {rate:.1} stages a minute, about {} left", approximately(left)));
    }
    if look.is_done() {
        text.push_str("; the results are there");
    }
    text
}

/// One line for each stage that runs.
fn running(seen: &Seen, look: &Look) -> Vec<String> {
    let one = |(running, stage): &(&Running, &PlannedStage)| {
        let who = match &running.holder {
            Some(holder) => format!("process {} on {}", holder.process, holder.host),
            None => "a process that its claim does not name".to_owned(),
        };
        let silent = seen.silent(&running.output).map_or_else(String::new, |quiet| {
            format!(", no sign of life for {} s: the next run takes it over", quiet.as_secs())
        });
        (who.clone(), format!("{} {}: {who}{silent}", stage.stage, stage.label))
    };
    let mut all: Vec<(String, String)> = look.own().iter().map(one).collect();
    all.sort();
    all.into_iter().map(|(_, line)| line).collect()
}

/// Stages that run by host.
fn hosts(look: &Look) -> String {
    let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
    for (running, _) in look.own() {
        let host = running.holder.as_ref().map_or("?", |holder| holder.host.as_str());
        *hosts.entry(host).or_default() += 1;
    }
    let one = |(host, count): (&&str, &usize)| format!("{host}: {count}");
    hosts.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// By kind of stage: done, running, waiting.
fn kinds(look: &Look) -> Vec<String> {
    let own = look.own();
    let mut order: Vec<&str> = Vec::new();
    for stage in &look.stages {
        if !order.contains(&stage.stage) {
            order.push(stage.stage);
        }
    }
    let one = |kind: &str| {
        let of_kind = || look.stages.iter().filter(|stage| stage.stage == kind);
        let (all, done) = (of_kind().count(), of_kind().filter(|stage| stage.found).count());
        let running = own.iter().filter(|(_, stage)| stage.stage == kind).count();
        let waiting = (all - done).saturating_sub(running);
        format!("  {kind:<14} {done:>4} done {running:>4} running {waiting:>4} waiting")
    };
    order.into_iter().map(one).collect()
}

/// All of it, for a terminal.
pub(super) fn picture(seen: &Seen, look: &Look, failed: &[String]) -> Vec<String> {
    let mut lines = vec![summary(seen, look)];
    lines.extend(kinds(look));
    let hosts = hosts(look);
    if !hosts.is_empty() {
        lines.push(format!("running by host: {hosts}"));
    }
    lines.extend(running(seen, look).into_iter().map(|line| format!("  {line}")));
    lines.extend(failed.iter().map(|line| format!("failed: {line}")));
    lines
}

/// The same as lines of which each is printed when it is new. What changes without news, such as
/// the time left, is in none of them.
pub(super) fn lines(seen: &Seen, look: &Look, failed: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = failed.iter().map(|line| format!("failed: {line}")).collect();
    lines.extend(running(seen, look).into_iter().map(|line| format!("runs: {line}")));
    let (arms, of) = look.arms();
    let (done, all) = (look.done(), look.stages.len());
    let end = if look.is_done() { "; the results are there" } else { "" };
    lines.push(format!("{arms}/{of} arms, {done}/{all} stages done{end}"));
    lines
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
