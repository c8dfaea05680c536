use seal_study::Key;
use serde_json::json;

use super::*;

fn stage(stage: &'static str, label: &str, found: bool, cost: f64) -> PlannedStage {
    let key = Key::of(stage, 1, &json!(label));
    PlannedStage { stage, label: label.to_owned(), key, found, cost }
}

fn status(found: usize) -> StudyStatus {
    let labels = ["seal seed 0", "seal seed 1", "random seed 0", "random seed 1"];
    let stages = labels.iter().enumerate().map(|(i, l)| stage("sft", l, i < found, 10.0));
    let arms = [[0, 1], [2, 3]].map(BTreeSet::from).to_vec();
    let has_results = found == labels.len();
    StudyStatus { stages: stages.collect(), arms, running: Vec::new(), has_results }
}

fn claim(of: &PlannedStage, beat: u64) -> ClaimedOutput {
    let output = format!("{}-{}", of.stage, of.key);
    let beat = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(beat));
    ClaimedOutput { output, holder: None, beat }
}

#[test]
fn rate_and_time_left_are_those_of_the_watch() {
    let (mut seen, first) = (WatchHistory::default(), status(1));
    seen.note(&first, Duration::ZERO);
    assert_eq!(summary(&seen, &first), "0/2 arms, 1/4 stages done, 0 running, 3 waiting");
    // What was done before the watch began counts in no rate.
    let mut now = status(2);
    now.running.push(claim(&now.stages[2], 1));
    seen.note(&now, Duration::from_secs(30));
    assert_eq!(
        summary(&seen, &now),
        "1/2 arms, 2/4 stages done, 1 running, 1 waiting, 2.0 stages a minute, about 60 s left"
    );
    let done = status(4);
    seen.note(&done, Duration::from_secs(90));
    assert!(done.is_done());
    let end = "2/2 arms, 4/4 stages done, 0 running, 0 waiting; the results are there";
    assert_eq!(summary(&seen, &done), end);
}

#[test]
fn a_claim_without_a_beat_is_said_by_the_clock_of_the_one_who_looks() {
    let (mut seen, mut now) = (WatchHistory::default(), status(1));
    now.running.push(claim(&now.stages[1], 7));
    // One of another study on the same store.
    now.running.push(claim(&stage("sft", "other seed 0", false, 1.0), 7));
    seen.note(&now, Duration::ZERO);
    let who = "sft seal seed 1: a process that its claim does not name";
    assert_eq!(running(&seen, &now), [who]);
    seen.note(&now, Duration::from_secs(61));
    let silent = format!("{who}, no sign of life for 61 s: the next run takes it over");
    assert_eq!(running(&seen, &now), [silent]);
    now.running[0].beat = None;
    seen.note(&now, Duration::from_secs(62));
    assert_eq!(running(&seen, &now), [who], "its beat changed");
    assert_eq!(hosts(&now), "?: 1");
    assert_eq!(kinds(&now), ["  sft               1 done    1 running    2 waiting"]);
}

#[test]
fn lines_change_only_with_news() {
    let (mut seen, now) = (WatchHistory::default(), status(1));
    seen.note(&now, Duration::ZERO);
    let first = lines(&seen, &now, &[]);
    seen.note(&now, Duration::from_secs(5));
    assert_eq!(lines(&seen, &now, &[]), first);
    let failed = lines(&seen, &now, &["stage=sft".to_owned()]);
    assert_eq!(failed, ["failed: stage=sft", "0/2 arms, 1/4 stages done"]);
    assert!(picture(&seen, &now, &[]).len() > first.len());
}

/// Two arms share a stage, which has the label of the first.
#[test]
fn an_arm_is_done_when_the_stages_that_it_shares_are() {
    let mut now = status(3);
    now.arms = vec![BTreeSet::from([0, 1]), BTreeSet::from([0, 3]), BTreeSet::from([1])];
    assert_eq!(now.arms(), (2, 3));
    now.stages[0].found = false;
    assert_eq!(now.arms(), (1, 3));
}

#[test]
fn that_nobody_makes_a_stage_is_said_after_a_pause() {
    let (mut seen, mut now) = (WatchHistory::default(), status(1));
    seen.note(&now, Duration::ZERO);
    seen.note(&now, Duration::from_secs(10));
    assert_eq!(end(&seen, &now), "");
    seen.note(&now, Duration::from_secs(11));
    assert_eq!(end(&seen, &now), "; no process makes a stage");
    assert!(summary(&seen, &now).ends_with("3 waiting; no process makes a stage"));
    // Someone does, and then is silent.
    now.running.push(claim(&now.stages[1], 7));
    seen.note(&now, Duration::from_secs(12));
    assert_eq!(end(&seen, &now), "");
    seen.note(&now, Duration::from_secs(70));
    assert_eq!(end(&seen, &now), "");
    seen.note(&now, Duration::from_secs(90));
    assert_eq!(end(&seen, &now), "; no process makes a stage");
    let done = status(4);
    seen.note(&done, Duration::from_secs(200));
    assert_eq!(end(&seen, &done), "; the results are there");
}
