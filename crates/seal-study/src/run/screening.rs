//! Results of the first seed, while the others still run.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use seal_report::Report;
use seal_store::{Found, Store, survey};

use super::Study;
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::Graph;
use crate::judging::Judging;
use crate::observer::{Event, Observer, Silent};
use crate::options::RunOptions;
use crate::run_folder::move_aside;

/// Folder of a run folder with the results of the first seed alone.
pub(super) const SCREENING: &str = "screening";

/// Moves results of a first seed out of the way that are not those of `study`: of other settings, or of
/// another number of seeds. They would stand beside its results. What was moved is told.
pub(super) fn move_earlier(
    study: &Study,
    out: &Path,
    observer: &dyn Observer,
) -> Result<(), StudyError> {
    if !out.join(SCREENING).exists() {
        return Ok(());
    }
    let mut config = study.config.clone();
    let planned = config.study.seeds.clone();
    config.study.seeds.truncate(1);
    let settings = config.resolved_toml()?;
    let is_own = Report::read(&out.join(SCREENING)).is_ok_and(|found| {
        found.results.planned_seeds == planned
            && found.provenance.is_some_and(|of| of.settings_toml == settings)
    });
    if !is_own {
        let to = move_aside(out, Path::new(""), SCREENING)?;
        let message = format!(
            "{}: the results of a first seed with other settings are in {}",
            out.join(SCREENING).display(),
            to.display()
        );
        observer.event(&Event::Notice { message });
    }
    Ok(())
}

/// A run that writes the results of its first seed as soon as they are there.
pub(super) struct Screening<'a> {
    study: &'a Study,
    options: &'a RunOptions,
    store: &'a Store,
    /// Stages of the first seed that the store lacks.
    missing: BTreeSet<usize>,
    start: Instant,
}

impl<'a> Screening<'a> {
    /// `None` where there is nothing to screen: it was not asked for, there is one seed, or the
    /// first seed is done already and the rest as well.
    pub(super) fn of(
        study: &'a Study,
        options: &'a RunOptions,
        graph: &Graph<'_>,
        store: &'a Store,
    ) -> Option<Self> {
        if !options.screen || study.config.study.seeds.len() < 2 {
            return None;
        }
        let is_absent = |i: &usize| {
            let node = &graph.nodes[*i];
            // One that cannot be read ends the run, which says so.
            let found = store.find(node.stage, &node.key, &node.inputs);
            !matches!(found, Ok(Found::Entry(_)))
        };
        let (first, others): (Vec<usize>, Vec<usize>) =
            (0..graph.nodes.len()).partition(|i| graph.nodes[*i].wave == 0);
        let missing: BTreeSet<usize> = first.into_iter().filter(is_absent).collect();
        let is_done = missing.is_empty() && !others.iter().any(is_absent);
        let start = Instant::now();
        (!is_done).then_some(Self { study, options, store, missing, start })
    }

    /// Does the work `run`, and beside it, once the stages of the first seed are there, writes
    /// their results. A failure of that is told and ends nothing.
    pub(super) fn around(
        self,
        observer: &dyn Observer,
        run: impl FnOnce(&dyn Observer) -> Result<Vec<Done>, StudyError>,
    ) -> Result<Vec<Done>, StudyError> {
        let (tell, told) = mpsc::channel();
        let missing = Mutex::new((self.missing.clone(), Some(tell)));
        let watched = Watched { observer, missing };
        let this = &self;
        thread::scope(|scope| {
            scope.spawn(move || {
                // Without a word the run ended before the first seed was done.
                if told.recv().is_ok() {
                    observer.event(&Event::Notice { message: this.written() });
                }
            });
            // Whatever ends the work, a panic too: the scope waits for who listens.
            let _end = StopOnDrop(&watched);
            run(&watched)
        })
    }

    /// Writes the results, and says where they are or why they are not.
    fn written(&self) -> String {
        let (seed, of) = (self.study.config.study.seeds[0], self.study.config.study.seeds.len());
        match self.write() {
            Ok(()) => format!(
                "results of the first of {of} seeds, {seed}, are in {}; those of all seeds follow",
                self.options.out.join(SCREENING).display()
            ),
            Err(error) => {
                format!("the results of the first seed, {seed}, could not be written: {error}")
            }
        }
    }

    fn write(&self) -> Result<(), StudyError> {
        let mut study = self.study.clone();
        let planned = study.config.study.seeds.clone();
        study.config.study.seeds.truncate(1);
        let judging = Judging::new(&study.judges, &self.options.store_dir(), &Silent);
        let graph = study.graph(self.options, &judging);
        let read = study.outputs_read(&graph);
        let found = survey(&graph.nodes, &read, self.store, 1)?.found;
        let done: Option<Vec<Done>> = found
            .into_iter()
            .map(|entry| entry.map(|of| Done { dir: of.dir, files: of.files, seconds: None }))
            .collect();
        // Damage that was found since the run began. The stage is made again for the last report.
        let done = done.ok_or_else(|| StudyError::Damaged {
            path: self.store.root().to_owned(),
            reason: "a stage of the first seed is damaged".to_owned(),
        })?;
        let seen = study.stored_figures(&graph, self.store)?;
        let (mut report, _) = study.report(&graph, &done, seen, self.options, self.start)?;
        report.results.planned_seeds = planned;
        let out = self.options.out.join(SCREENING);
        seal_files::make_folder(&self.options.out, Path::new(SCREENING))
            .map_err(StudyError::at_file(&out))?;
        report.write(&out)?;
        Ok(())
    }
}

/// Lets the one who listens end when it is dropped.
struct StopOnDrop<'a, 'b>(&'a Watched<'b>);

impl Drop for StopOnDrop<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Passes events on, and notices when the stages of the first seed are there.
struct Watched<'a> {
    observer: &'a dyn Observer,
    /// The stages that are not, and who is told once there are none.
    missing: Mutex<(BTreeSet<usize>, Option<Sender<()>>)>,
}

impl Watched<'_> {
    fn note(&self, event: &Event) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Finished { node, .. } => drop(missing.0.remove(node)),
            Event::Planned { .. } => {}
            _ => return,
        }
        if missing.0.is_empty()
            && let Some(tell) = missing.1.take()
        {
            // Who does not listen any more has what it needs.
            let _ = tell.send(());
        }
    }

    /// Lets the one who listens end.
    fn end(&self) {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).1 = None;
    }
}

impl Observer for Watched<'_> {
    fn event(&self, event: &Event) {
        self.observer.event(event);
        self.note(event);
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }
}
