//! What is still to be done of a plan, cut into tasks.

use std::collections::{BTreeMap, BTreeSet};

use crate::folder::LaunchFolder;
use crate::plan::StagePlan;
use crate::settings::{LaunchSettings, Request};

/// Name of the task that makes the results, and the kind that settings know it by.
pub const RESULTS: &str = "results";

/// Stages that one process makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its name, which is that of its log. It has letters, digits and dashes alone.
    pub name: String,
    /// Its stages, as numbers of stages of the plan. None of them reads another.
    pub stages: Vec<usize>,
    /// Tasks of lower levels come first. Levels without a task have no number.
    pub level: usize,
    /// The tasks that make what it reads.
    pub after: Vec<usize>,
    /// What it asks for.
    pub needs: Request,
    /// The address of a service that it asks.
    pub network: Option<String>,
}

/// Tasks of one level that may share a job array.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) level: usize,
    pub(crate) needs: Request,
    /// The service that they ask. One of them runs at a time.
    pub(crate) network: Option<String>,
    pub(crate) tasks: Vec<usize>,
}

/// All that is still to be done of a plan.
#[derive(Clone, Debug)]
pub struct RemainingWork<'p> {
    /// The plan.
    pub plan: &'p StagePlan,
    /// The tasks. Each comes after those that it reads from.
    pub tasks: Vec<Task>,
    /// Settings of the launcher.
    pub settings: LaunchSettings,
    /// Tasks that run at once, at most.
    pub jobs: Option<usize>,
}

impl<'p> RemainingWork<'p> {
    /// The stages of `plan` that are not `found`. Small stages of one level share a task.
    pub fn of(
        plan: &'p StagePlan,
        found: &[bool],
        settings: LaunchSettings,
        jobs: Option<usize>,
    ) -> Self {
        let is_missing = |i: &usize| !found.get(*i).copied().unwrap_or(false);
        let mut levels: Vec<usize> = vec![0; plan.stages.len()];
        for (i, stage) in plan.stages.iter().enumerate() {
            let above = stage.deps.iter().filter(|d| is_missing(d)).map(|d| levels[*d] + 1);
            levels[i] = above.max().unwrap_or(0);
        }
        // Stages with the same needs on the same level, in the order of the plan.
        let mut alike: BTreeMap<(usize, Request, Option<&str>), Vec<usize>> = BTreeMap::new();
        for (i, stage) in plan.stages.iter().enumerate().filter(|(i, _)| is_missing(i)) {
            let needs = settings.request(
                &stage.stage,
                stage.threads,
                (stage.device.as_deref(), stage.devices()),
            );
            alike.entry((levels[i], needs, stage.network.as_deref())).or_default().push(i);
        }
        let mut work = Self { plan, tasks: Vec::new(), settings, jobs };
        let mut task_of: BTreeMap<usize, usize> = BTreeMap::new();
        for ((level, needs, network), stages) in alike {
            for stages in work.groups(&stages) {
                let deps = stages.iter().flat_map(|i| &plan.stages[*i].deps);
                let after: BTreeSet<usize> = deps.filter_map(|d| task_of.get(d).copied()).collect();
                task_of.extend(stages.iter().map(|i| (*i, work.tasks.len())));
                let first = &plan.stages[stages[0]];
                let name = format!("{}-{}", first.stage, first.key);
                let (needs, network) = (needs.clone(), network.map(str::to_owned));
                let after = after.into_iter().collect();
                work.tasks.push(Task { name, stages, level, after, needs, network });
            }
        }
        work
    }

    /// Cuts stages into groups of at least the seconds that the settings say.
    fn groups(&self, stages: &[usize]) -> Vec<Vec<usize>> {
        let (mut all, mut cost) = (Vec::<Vec<usize>>::new(), f64::INFINITY);
        for i in stages {
            // A group that is full, and the first of all, begins a new one.
            if cost >= self.settings.group() {
                all.push(Vec::new());
                cost = 0.0;
            }
            if let Some(group) = all.last_mut() {
                group.push(*i);
            }
            cost += self.plan.stages[*i].cost.max(0.0);
        }
        all
    }

    /// The folder of the launch.
    pub fn folder(&self) -> LaunchFolder {
        self.plan.launch_folder()
    }

    /// Number of levels.
    pub fn levels(&self) -> usize {
        self.tasks.last().map_or(0, |task| task.level + 1)
    }

    /// The tasks as arrays, by level.
    pub(crate) fn arrays(&self) -> Vec<Array> {
        let mut arrays: Vec<Array> = Vec::new();
        for (i, task) in self.tasks.iter().enumerate() {
            let of = |array: &&mut Array| {
                (array.level, &array.needs, &array.network)
                    == (task.level, &task.needs, &task.network)
            };
            match arrays.iter_mut().find(of) {
                Some(array) => array.tasks.push(i),
                None => {
                    let (needs, network) = (task.needs.clone(), task.network.clone());
                    arrays.push(Array { level: task.level, needs, network, tasks: vec![i] });
                }
            }
        }
        arrays
    }

    /// What the job of the results asks for.
    pub(crate) fn results(&self) -> Request {
        self.settings.request(RESULTS, 1, (None, 0))
    }

    /// The arguments of the script of the task that makes the results.
    pub(crate) fn results_arguments(&self) -> Vec<&str> {
        std::iter::once(RESULTS).chain(self.plan.results.iter().map(String::as_str)).collect()
    }

    /// Name of the study, for people.
    pub(crate) fn study(&self) -> &str {
        self.plan.study.get("name").and_then(|name| name.as_str()).unwrap_or("study")
    }

    /// Name of the study in small letters, digits and dashes, at most 30 of them.
    pub(crate) fn plain_study(&self) -> String {
        let plain = |c: char| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '-',
        };
        let name: String = self.study().chars().map(plain).take(30).collect();
        name.trim_matches('-').to_owned()
    }

    /// The arguments of the script of a task: its name, then the keys of its stages.
    pub(crate) fn arguments(&self, task: usize) -> Vec<&str> {
        let task = &self.tasks[task];
        let keys = task.stages.iter().map(|i| self.plan.stages[*i].key.as_str());
        std::iter::once(task.name.as_str()).chain(keys).collect()
    }

    /// The names of a task's stages, for people.
    pub fn names(&self, task: usize) -> Vec<String> {
        self.tasks[task].stages.iter().map(|i| self.plan.stages[*i].name()).collect()
    }

    /// The kinds of stages of a task, with their numbers, for people.
    pub(crate) fn kinds(&self, tasks: &[usize]) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for stage in tasks.iter().flat_map(|task| &self.tasks[*task].stages) {
            *counts.entry(self.plan.stages[*stage].stage.as_str()).or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        counts.join(", ")
    }
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
pub(crate) mod tests;
