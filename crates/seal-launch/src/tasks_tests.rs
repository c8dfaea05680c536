use std::path::Path;

use serde_json::json;

use super::*;
use crate::plan::LaunchStage;

/// A plan in `out`: a base, two selectors on it, a fine-tuning on each, two small verdicts.
pub(crate) fn plan(out: &Path, command: &[&str]) -> StagePlan {
    let stage = |i: usize, stage: &str, level, deps: &[usize], cost| LaunchStage {
        key: format!("{i:032x}"),
        stage: stage.to_owned(),
        label: format!("arm {i}"),
        level,
        deps: deps.to_vec(),
        inputs: json!({}),
        cost,
        threads: 1,
        device: (cost > 0.5).then(|| "flex".to_owned()),
        devices: 0,
        network: None,
    };
    let stages = vec![
        stage(0, "base", 0, &[], 20.0),
        stage(1, "selector", 1, &[0], 3.0),
        stage(2, "selector", 1, &[0], 3.0),
        stage(3, "sft", 2, &[0, 1], 9.0),
        stage(4, "sft", 2, &[0, 2], 9.0),
        stage(5, "verdicts", 3, &[3], 0.1),
        stage(6, "verdicts", 3, &[4], 0.1),
    ];
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let words = (command, vec!["results".to_owned()]);
    StagePlan::new("1", words, (out, &out.join("store")), json!({"name": "s"}), stages).unwrap()
}

fn settings(given: &[&str]) -> LaunchSettings {
    let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
    let reads = ["group", "time", "memory"];
    LaunchSettings::parse(&given, ("local", &reads), &["sft", "base"]).unwrap()
}

#[test]
fn small_stages_of_a_level_share_a_task_and_levels_without_work_have_no_number() {
    let plan = plan(Path::new("/run"), &["make"]);
    let work = RemainingWork::of(&plan, &[false; 7], settings(&[]), None);
    let stages: Vec<&[usize]> = work.tasks.iter().map(|task| task.stages.as_slice()).collect();
    // Two selectors are 6 seconds together.
    assert_eq!(stages, [&[0][..], &[1, 2], &[3], &[4], &[5, 6]]);
    let after: Vec<&[usize]> = work.tasks.iter().map(|task| task.after.as_slice()).collect();
    assert_eq!(after, [&[][..], &[0], &[0, 1], &[0, 1], &[2, 3]]);
    assert_eq!(work.levels(), 4);
    assert_eq!(
        work.arguments(1),
        [
            "selector-00000000000000000000000000000001",
            "00000000000000000000000000000001",
            "00000000000000000000000000000002",
        ]
    );
    let found = [true, true, true, true, false, true, false];
    let work = RemainingWork::of(&plan, &found, settings(&[]), None);
    let places: Vec<(usize, &[usize], &[usize])> =
        work.tasks.iter().map(|t| (t.level, &t.stages[..], &t.after[..])).collect();
    assert_eq!(places, [(0, &[4][..], &[][..]), (1, &[6][..], &[0][..])]);
    let none = RemainingWork::of(&plan, &[true; 7], settings(&[]), None);
    assert_eq!((none.levels(), none.tasks.len()), (0, 0));
}

#[test]
fn every_missing_stage_is_in_one_task_whatever_the_groups() {
    let plan = plan(Path::new("/run"), &["make"]);
    for group in ["0", "1", "5", "1000"] {
        let work =
            RemainingWork::of(&plan, &[false; 7], settings(&[&format!("group={group}")]), None);
        let mut all: Vec<usize> = work.tasks.iter().flat_map(|t| t.stages.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6], "{group}");
        for (i, task) in work.tasks.iter().enumerate() {
            assert!(task.after.iter().all(|before| *before < i), "{group}");
        }
        if group == "0" {
            assert_eq!(work.tasks.len(), 7);
        }
    }
}

#[test]
fn stages_that_ask_for_other_things_share_neither_task_nor_array() {
    let mut plan = plan(Path::new("/run"), &["make"]);
    plan.stages[6].network = Some("judge".to_owned());
    let work =
        RemainingWork::of(&plan, &[false; 7], settings(&["group=1000", "sft.time=2h"]), None);
    let arrays = work.arrays();
    let seen: Vec<(usize, Option<u64>, bool, usize)> = arrays
        .iter()
        .map(|a| (a.level, a.needs.minutes, a.network.is_some(), a.tasks.len()))
        .collect();
    let expected = [
        (0, None, false, 1),
        (1, None, false, 1),
        (2, Some(120), false, 1),
        (3, None, false, 1),
        (3, None, true, 1),
    ];
    assert_eq!(seen, expected);
}
