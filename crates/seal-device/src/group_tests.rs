use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

fn group(places: usize, threads: usize) -> DeviceGroup {
    let specs: Vec<DeviceSpec> =
        (0..places).map(|i| format!("flex:{i}").parse().unwrap()).collect();
    DeviceGroup::open_on(&specs, threads).unwrap()
}

#[test]
fn results_are_taken_in_the_order_of_the_tasks_whatever_their_times() {
    for (places, threads) in [(1, 1), (2, 2), (3, 1), (4, 9)] {
        let group = group(places, threads);
        assert_eq!(group.size(), places);
        for tasks in [0_u64, 1, 2, 23] {
            let mut taken = Vec::new();
            // Later tasks of three end first.
            let work = |place: usize, i: u64| {
                std::thread::sleep(Duration::from_micros(300 * (3 - i % 3)));
                (place, i)
            };
            let take = |(place, i): (usize, u64)| {
                assert!(place < places);
                taken.push(i);
                Ok::<(), ()>(())
            };
            group.spread((0..tasks).collect(), (tasks % 3) as usize, work, take).unwrap();
            assert!(taken.into_iter().eq(0..tasks), "{places} {threads} {tasks}");
        }
    }
}

/// The first task of two waits until the other place has begun a task.
#[test]
fn places_work_at_the_same_time_with_their_shares_of_the_threads() {
    let group = group(2, 3);
    let both = std::sync::Barrier::new(2);
    let mut shares = BTreeSet::new();
    let work = |place: usize, _: usize| {
        both.wait();
        (place, rayon::current_num_threads())
    };
    group
        .spread(vec![0, 1], 0, work, |of| {
            shares.insert(of);
            Ok::<_, ()>(())
        })
        .unwrap();
    assert_eq!(shares, BTreeSet::from([(0, 2), (1, 1)]));
}

#[test]
fn few_results_wait_while_the_first_is_slow() {
    for waiting in [0, 1, 3] {
        let group = group(3, 3);
        let (begun, first) = (AtomicUsize::new(0), std::sync::Barrier::new(2));
        let work = |_: usize, i: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if i == 0 {
                first.wait();
            }
            i
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The other two workers go as far as they may.
                std::thread::sleep(Duration::from_millis(100));
                assert_eq!(begun.load(Ordering::SeqCst), 1 + 2 * (waiting + 1));
                first.wait();
            });
            let mut sum = 0;
            group
                .spread((0..40).collect(), waiting, work, |i| {
                    sum += i;
                    Ok::<_, ()>(())
                })
                .unwrap();
            assert_eq!(sum, 39 * 40 / 2);
        });
    }
}

#[test]
fn an_error_of_a_taker_ends_the_work() {
    let (group, begun) = (group(2, 2), AtomicUsize::new(0));
    let work = |_: usize, i: usize| {
        begun.fetch_add(1, Ordering::SeqCst);
        i
    };
    let error =
        group.spread((0..1000).collect(), 1, work, |i| if i == 3 { Err(i) } else { Ok(()) });
    assert_eq!(error, Err(3));
    assert!(begun.into_inner() < 20);
}

#[test]
#[should_panic(expected = "the second task")]
fn a_panic_of_a_task_reaches_the_caller() {
    let work = |_: usize, i: usize| assert_ne!(i, 1, "the second task");
    let _ = group(2, 2).spread(vec![0, 1, 2, 3], 1, work, |()| Ok::<_, ()>(()));
}

#[test]
#[should_panic(expected = "the taker")]
fn a_panic_of_the_taker_does_not_hang() {
    let take = |i: usize| -> Result<(), ()> { panic!("the taker of {i}") };
    let _ = group(2, 2).spread((0..40).collect(), 0, |_, i| i, take);
}

#[test]
fn places_on_the_cpu_share_their_memory_unless_told_otherwise() {
    let apart = |group: &DeviceGroup| group.apart().map(|of| of.is_some()).collect::<Vec<_>>();
    assert_eq!(apart(&group(3, 1)), [false; 3]);
    assert_eq!(apart(&group(3, 1).with_memory_apart()), [false, true, true]);
}
