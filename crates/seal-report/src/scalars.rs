//! The curves and figures of a report as named numbers by step: the form that trackers of experiments
//! take. Event files and the client of a tracking server both write these.

use crate::{Arm, Cell, PerTest, Ranking, Report, Weights, WinRate};

/// The numbers of one arm, of one seed or over all seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarRun {
    /// Id of the arm.
    pub arm: String,
    /// The study seed; `None` for figures over all seeds.
    pub seed: Option<u64>,
    /// In an order that depends on the results alone.
    pub scalars: Vec<Scalar>,
}

/// A number of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// Kind and name, with `/` between them: `win_rate/hh`, `selector/gamma`.
    pub tag: String,
    /// The epoch, from 1, of a curve; 0 for a final figure.
    pub step: u64,
    /// In the unit of the stored results: win rates in percent, rates as fractions, losses in nats a
    /// token.
    pub value: f64,
}

impl Report {
    /// The numbers of each arm: first over all seeds, then seed by seed.
    pub fn scalar_runs(&self) -> Vec<ScalarRun> {
        let mut runs = Vec::new();
        for arm in &self.results.arms {
            let scalars = over_seeds(arm);
            runs.push(ScalarRun { arm: arm.id.clone(), seed: None, scalars });
            for cell in &arm.cells {
                let mut all = Scalars::default();
                self.curves(&mut all, &arm.id, cell.seed);
                of_cell(&mut all, cell);
                runs.push(ScalarRun { arm: arm.id.clone(), seed: Some(cell.seed), scalars: all.0 });
            }
        }
        runs
    }

    /// The selector and the fine-tuning of a cell, epoch by epoch.
    fn curves(&self, all: &mut Scalars, arm: &str, seed: u64) {
        let Some(figures) = &self.figures else { return };
        let is_own = |of: &str, at: u64| of == arm && at == seed;
        for cell in figures.cells.iter().filter(|cell| is_own(&cell.arm, cell.seed)) {
            for epoch in &cell.trace {
                for (name, value) in [
                    ("safe_loss", epoch.safe_loss),
                    ("data_loss", epoch.data_loss),
                    ("gamma", epoch.gamma),
                    ("gamma_eff", epoch.gamma_eff),
                    ("ess", epoch.ess),
                    ("mean_p", epoch.mean_p),
                    ("clamped", epoch.clamped),
                    ("dead", epoch.dead),
                ] {
                    all.add(format!("selector/{name}"), u64::from(epoch.epoch), value);
                }
            }
        }
        for curve in figures.fine_tuning.iter().filter(|curve| is_own(&curve.arm, curve.seed)) {
            for (i, loss) in curve.losses.iter().enumerate() {
                all.add("fine_tuning/loss", i as u64 + 1, Some(*loss));
            }
        }
    }
}

#[derive(Default)]
struct Scalars(Vec<Scalar>);

impl Scalars {
    /// Adds a number; one that does not apply is left out.
    fn add(&mut self, tag: impl Into<String>, step: u64, value: Option<f64>) {
        self.0.extend(value.map(|value| Scalar { tag: tag.into(), step, value }));
    }

    fn figure(&mut self, kind: &str, name: &str, value: Option<f64>) {
        self.add(format!("{kind}/{name}"), 0, value);
    }

    fn rates(&mut self, rates: [(&str, &PerTest<f64>); 4]) {
        for (kind, rates) in rates {
            for (test, rate) in rates {
                self.figure(kind, test, Some(*rate));
            }
        }
    }

    fn win_rates(&mut self, kind: &str, rates: &PerTest<WinRate>) {
        for (test, rate) in rates {
            self.figure(kind, test, rate.mean);
            for (end, value) in [
                ("lo", rate.lo),
                ("hi", rate.hi),
                ("prompt_lo", rate.prompt_lo),
                ("prompt_hi", rate.prompt_hi),
            ] {
                self.figure(&format!("{kind}_{end}"), test, value);
            }
        }
    }

    fn selection(&mut self, ranking: &Ranking, weights: &Weights) {
        for (name, value) in [
            ("keep_fraction", ranking.keep_fraction),
            ("auroc", ranking.auroc),
            ("unsafe_kept", ranking.unsafe_kept),
            ("unsafe_kept_floor", ranking.unsafe_kept_floor),
            ("spearman_to_seal", ranking.spearman_to_seal),
            ("ess", ranking.ess),
            ("mean_p", weights.mean_p),
            ("gamma_eff", weights.gamma_eff),
            ("clamped", weights.clamped),
            ("dead", weights.dead),
        ] {
            self.figure("selection", name, value);
        }
    }
}

fn over_seeds(arm: &Arm) -> Vec<Scalar> {
    let mut all = Scalars::default();
    all.win_rates("win_rate", &arm.win_rate);
    all.rates([
        ("accuracy", &arm.accuracy),
        ("refusal", &arm.refusal),
        ("over_refusal", &arm.over_refusal),
        ("harm", &arm.harm),
    ]);
    for (test, shares) in &arm.coherence {
        all.figure("broken", test, shares.broken);
        all.figure("cut", test, shares.cut);
    }
    for (test, nll) in &arm.base_nll {
        all.figure("base_nll", test, nll.mean);
        all.figure("base_nll_above", test, nll.above);
    }
    if let Some(selection) = &arm.selection {
        all.selection(&selection.ranking, &selection.weights);
    }
    all.0
}

fn of_cell(all: &mut Scalars, cell: &Cell) {
    all.win_rates("win_rate", &cell.win_rate);
    all.rates([
        ("accuracy", &cell.accuracy),
        ("refusal", &cell.refusal),
        ("over_refusal", &cell.over_refusal),
        ("harm", &cell.harm),
    ]);
    if let Some(ranking) = &cell.selection {
        all.selection(ranking, &cell.weights);
    }
}
