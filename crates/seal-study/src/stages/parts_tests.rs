//! Parts that outlive a stop.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// Items of mixed lengths; every batch that is made is written down.
fn run(dir: &Path, fails_at: Option<usize>) -> (Result<Vec<String>, StudyError>, Vec<String>) {
    let items: Vec<String> = (0..10).map(|i| "x".repeat(10 - (i * 7) % 10)).collect();
    let made = RefCell::new(Vec::new());
    let job = Job {
        unfinished: dir,
        dir,
        deps: &[],
        progress: &|_| (),
        goes_on: &|_, _, _| {},
        devices: &[],
        keep_every: Duration::MAX,
        is_cancelled: &|| false,
    };
    let parts = ResumableBatches { job: &job, name: "hh.jsonl", progress: &|_| () };
    let all = parts.of(
        &items,
        3,
        |item| item.len(),
        |batch: &[&String]| {
            if fails_at == Some(made.borrow().len()) {
                return Err(Defect::LostItem.into());
            }
            let lengths: Vec<usize> = batch.iter().map(|item| item.len()).collect();
            made.borrow_mut().push(format!("{lengths:?}"));
            // An answer that depends on its batch, as rounding may.
            Ok(batch.iter().map(|item| format!("{}:{lengths:?}", item.len())).collect())
        },
    );
    (all, made.into_inner())
}

#[test]
fn batches_are_the_same_whether_or_not_a_run_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, batches) = run(&dir.path().join("whole"), None);
    let whole = whole.unwrap();
    assert_eq!(batches, ["[1, 2, 3]", "[4, 5, 6]", "[7, 8, 9]", "[10]"]);
    let lengths: Vec<&str> = whole.iter().map(|w| w.split(':').next().unwrap()).collect();
    assert_eq!(lengths, ["10", "3", "6", "9", "2", "5", "8", "1", "4", "7"]);
    for stopped in 0..4 {
        let dir = dir.path().join(format!("stopped-{stopped}"));
        assert!(run(&dir, Some(stopped)).0.is_err());
        let (again, left) = run(&dir, None);
        assert_eq!(again.unwrap(), whole);
        assert_eq!(left, batches[stopped..]);
    }
}

/// A request to stop is heard between two items where the batch tells of them. The batches before are
/// kept. A batch of which all items are done is kept, too.
#[test]
fn a_stop_within_a_batch_loses_that_batch_alone() {
    let dir = tempfile::tempdir().unwrap();
    let items: Vec<usize> = (0..7).collect();
    let run = |stop_after: usize| {
        let (done, told) = (AtomicUsize::new(0), RefCell::new(Vec::new()));
        let is_cancelled = || done.load(Ordering::Relaxed) >= stop_after;
        let job = Job {
            unfinished: dir.path(),
            dir: dir.path(),
            deps: &[],
            progress: &|_| (),
            goes_on: &|_, _, _| {},
            devices: &[],
            keep_every: Duration::MAX,
            is_cancelled: &is_cancelled,
        };
        let progress = |share: f64| told.borrow_mut().push((share * 9.0).round() as usize);
        let parts = ResumableBatches { job: &job, name: "hh.jsonl", progress: &progress };
        let made = parts.of_told(
            &items,
            3,
            |item| *item,
            |batch, told| {
                for i in 0..batch.len() {
                    done.fetch_add(1, Ordering::Relaxed);
                    told(i + 1)?;
                }
                Ok(batch.iter().map(|item| **item).collect())
            },
        );
        (made, done.into_inner(), told.into_inner())
    };
    // In the second batch: the first one is kept.
    let (made, done, told) = run(4);
    assert!(matches!(made, Err(StudyError::Cancelled { .. })), "{made:?}");
    assert_eq!((done, told), (4, vec![1, 2, 3, 3]));
    // With the last item of the second batch, which is kept.
    let (made, done, _) = run(3);
    assert!(matches!(made, Err(StudyError::Cancelled { .. })), "{made:?}");
    assert_eq!(done, 3);
    let (made, done, _) = run(99);
    assert_eq!((made.unwrap(), done), (items.clone(), 1));
}
