//! Stages that another process took over.

use seal_files::Timing;

use super::*;

/// Takes over whatever it finds: for it, nobody gives a sign of life.
fn hasty(root: &Path) -> Store {
    let timing = Timing { beat: Duration::from_secs(3600), silent: Duration::ZERO };
    Store::open_with(root, timing).unwrap()
}

/// Its work fails because its folder is gone, or does not fail: either way it is not its own any
/// more, and what the other made is used.
#[test]
fn work_on_a_stage_that_another_took_over_is_thrown_away_and_theirs_is_used() {
    for fails in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let other = hasty(root.path());
        let times = AtomicUsize::new(0);
        let work = |_: &Job<'_>| {
            times.fetch_add(1, Ordering::SeqCst);
            let inputs = json!({ "name": "a" });
            let begun = other.begin("test", &Key::of("test", 1, &inputs), &inputs).unwrap();
            let Begun::Making(making) = begun else { panic!("{begun:?}") };
            assert!(making.taken_over().is_some());
            fs::write(making.dir().join("out"), "theirs").unwrap();
            assert!(matches!(other.commit(making), Ok(Committed::Made(_))));
            if fails { Err(Refused("folder")) } else { Ok(()) }
        };
        let nodes = [node("a", &[], work), node("b", &[0], ok)];
        let kept = RecordingObserver::default();
        let done = run(&nodes, &store, 1, &kept).unwrap();
        assert_eq!((text(&done[0].dir), done[0].seconds), ("theirs".to_owned(), None));
        assert_eq!(times.load(Ordering::SeqCst), 1);
        let said = kept.0.into_inner().unwrap();
        let of_a = said.iter().filter(|line| line.starts_with("0 ") && !line.contains(" of "));
        let of_a: Vec<&String> = of_a.collect();
        let lost = ["0 started", "0 lost", "0 elsewhere, nobody knows where", "0 finished false"];
        assert_eq!(of_a, lost);
    }
}
