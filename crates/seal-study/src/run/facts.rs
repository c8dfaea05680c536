//! What finished stages left behind, put together for the figures.

use std::collections::{BTreeMap, BTreeSet};

use seal_data::{Row, RowId, ids_hash};
use seal_eval::{ArmFacts, CellFacts, SelectionFacts, StudyFacts, TestFacts};
use seal_model::LeftOutRow;
use seal_report::{Data, EpochTrace, SplitSummary};
use seal_select::SelectorRow;

use super::judge_facts::{JudgeOutputs, fill_majorities};
use super::left_out::LeftOut;
use crate::arm::{Arm, reference};
use crate::config::{ArmRole, Config, Method};
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::{ArmSets, Cell, Graph};
use crate::judging::Judges;
use crate::stages::{RowSelection, SelectorOutput, read_tokens};

/// The facts of a finished study, and the rows that were left out of it.
///
/// # Errors
/// A stage's folder that cannot be read.
pub(crate) fn facts(
    config: &Config,
    arms: &[Arm],
    sets: &ArmSets,
    graph: &Graph<'_>,
    done: &[Done],
    judges: &Judges,
) -> Result<(StudyFacts, Vec<LeftOut>), StudyError> {
    let reference = reference(arms);
    let own = sets.of_arm(reference);
    let mut left_out = Vec::new();
    let mut splits: BTreeMap<String, SplitSummary> = BTreeMap::new();
    for (name, summary) in &own.summaries {
        let mut split = SplitSummary {
            rows: summary.rows as u64,
            unsafe_rows: summary.unsafe_rows.map(|n| n as u64),
            dropped: summary.dropped as u64,
            ids_hash: summary.ids_hash.clone(),
        };
        let set = own.trained_on(name);
        if let Some((set, node)) = set.and_then(|set| Some((set, *graph.tokens.get(&set)?))) {
            let rows = own.rows(set);
            let tokens = read_tokens(&done[node].dir)?;
            if done[node].seconds.is_none() {
                // Whoever made them was warned.
                tokens.warn();
            }
            let out = tokens.left_out;
            let ids: BTreeSet<RowId> = out.iter().map(|e| e.id()).collect();
            let used: Vec<Row> = rows.iter().filter(|r| !ids.contains(&r.id)).cloned().collect();
            split.rows = used.len() as u64;
            split.unsafe_rows = summary
                .unsafe_rows
                .map(|_| used.iter().filter(|r| r.is_unsafe == Some(true)).count() as u64);
            split.dropped += out.len() as u64;
            split.ids_hash = ids_hash(&used);
            let line =
                |e: &LeftOutRow| LeftOut { set: name.clone(), id: e.id(), reason: e.to_string() };
            left_out.extend(out.iter().map(line));
        }
        splits.insert(name.clone(), split);
    }
    let outputs = JudgeOutputs::read(config, arms, graph, done, judges)?;
    let tests = own.tests.iter().map(|(name, rows)| {
        let prompts = rows.iter().map(|r| r.id).collect();
        (name.clone(), outputs.test(config, name, prompts))
    });
    let tests: BTreeMap<String, TestFacts> = tests.collect();
    let mut labels: BTreeMap<RowId, bool> = BTreeMap::new();
    for i in 0..arms.len() {
        let rows = sets.of_arm(i).data.iter();
        labels.extend(rows.filter_map(|r| r.is_unsafe.map(|u| (r.id, u))));
    }
    let mut facts_of_arms = Vec::with_capacity(arms.len());
    for (i, arm) in arms.iter().enumerate() {
        let mut cells = Vec::new();
        for cell in graph.cells.iter().filter(|c| c.arm == i) {
            let facts = outputs.cell(config, cell, done, &tests)?;
            cells.push(CellFacts { selection: selection(arm, cell, done)?, ..facts });
        }
        facts_of_arms.push(arm_facts(arm, cells));
    }
    fill(&mut facts_of_arms, reference, &tests)?;
    let facts = StudyFacts {
        name: config.study.name.clone(),
        quick: config.study.quick,
        seeds: config.study.seeds.clone(),
        reference: arms[reference].id.clone(),
        tests,
        data: Data { splits, overlap: own.overlap.clone() },
        is_unsafe: labels,
        arms: facts_of_arms,
    };
    Ok((facts, left_out))
}

fn arm_facts(arm: &Arm, cells: Vec<CellFacts>) -> ArmFacts {
    let bilevel = arm.has_selector().then_some(&arm.config.bilevel);
    let trace = cells.iter().find_map(|c| c.selection.as_ref()).map(|s| &s.trace);
    ArmFacts {
        id: arm.id.clone(),
        label: arm.label.clone(),
        role: match arm.role {
            ArmRole::Reference => seal_report::Role::Reference,
            ArmRole::Seal => seal_report::Role::Seal,
            ArmRole::Ablation => seal_report::Role::Ablation,
            ArmRole::Control => seal_report::Role::Control,
            ArmRole::Ceiling => seal_report::Role::Ceiling,
            ArmRole::Random => seal_report::Role::Random,
        },
        ablation: arm.ablation.clone(),
        ablated_part: arm.ablated_part.clone(),
        replacement: arm.replacement.clone(),
        gamma: bilevel.and(trace).map(|t| t.iter().filter_map(|e| e.gamma).collect()),
        selector: bilevel.map(|b| b.selector.name().to_owned()),
        cells,
    }
}

/// The evidence of majorities, cell by cell.
fn fill(
    arms: &mut [ArmFacts],
    reference: usize,
    tests: &BTreeMap<String, TestFacts>,
) -> Result<(), StudyError> {
    for own in arms[reference].cells.clone() {
        let cells = arms.iter_mut().flat_map(|arm| &mut arm.cells);
        let mut cells: Vec<&mut CellFacts> = cells.filter(|cell| cell.seed == own.seed).collect();
        fill_majorities(&mut cells, &own, tests)?;
    }
    Ok(())
}

/// How the rows of a cell were chosen; `None` where all are used or none is.
fn selection(arm: &Arm, cell: &Cell, done: &[Done]) -> Result<Option<SelectionFacts>, StudyError> {
    let shown = !matches!(arm.config.selection.method, Method::All | Method::None);
    Ok(match cell.selection.filter(|_| shown) {
        Some(node) => {
            let selection = RowSelection::read(&done[node].dir)?;
            let trace = match cell.selector {
                Some(node) => trace(SelectorOutput::read(&done[node].dir)?),
                None => Vec::new(),
            };
            let kept = selection.kept.iter().filter(|k| **k).count();
            let keep_fraction = match selection.omega {
                Some(_) => arm.config.selection.keep,
                None => kept as f64 / selection.kept.len() as f64,
            };
            Some(SelectionFacts {
                keep_fraction,
                ranked: selection.omega.is_some(),
                rows: rows(&selection),
                trace,
            })
        }
        None => None,
    })
}

/// Rows of a selection; rows that were not ranked get the score 1 where kept,
/// 0 where not, and ranks in that order.
pub(crate) fn rows(selection: &RowSelection) -> Vec<SelectorRow> {
    let n = selection.ids.len();
    let ranks = selection.rank.clone().unwrap_or_else(|| {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|i| (!selection.kept[*i], selection.ids[*i]));
        let mut ranks = vec![0; n];
        order.iter().enumerate().for_each(|(place, i)| ranks[*i] = place + 1);
        ranks
    });
    let score = |i: usize| match &selection.omega {
        Some(omega) => omega[i],
        None => f64::from(u8::from(selection.kept[i])),
    };
    (0..n)
        .map(|i| SelectorRow {
            id: selection.ids[i],
            omega: score(i),
            p: selection.weights.as_ref().map(|w| w[i]),
            rank: ranks[i],
            kept: selection.kept[i],
        })
        .collect()
}

fn trace(output: SelectorOutput) -> Vec<EpochTrace> {
    let epoch = |t: &seal_bilevel::EpochTrace| EpochTrace {
        epoch: t.epoch as u32,
        gamma: Some(t.gamma),
        ess: Some(t.weights.ess_share),
        mean_p: Some(t.weights.mean_p),
        gamma_eff: Some(t.gamma_eff),
        clamped: Some(t.weights.clamped),
        dead: Some(t.weights.dead),
        safe_loss: Some(t.safe_loss),
        data_loss: Some(t.row_loss),
    };
    output.learned.trace.iter().map(epoch).collect()
}
