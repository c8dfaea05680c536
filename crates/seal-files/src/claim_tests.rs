use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::digest::Digest;

const HOUR: Duration = Duration::from_secs(3600);

/// Takes over soon, and beats when the test says so.
const FAST: Timing = Timing { beat: HOUR, silent: Duration::from_millis(50) };

/// Nothing is over by its silence.
const NEVER: Timing = Timing { beat: HOUR, silent: Duration::MAX };

fn taken(claims: &Claims, path: &Path) -> Claim {
    match claims.try_take(path).unwrap() {
        Tried::Taken(claim) => claim,
        Tried::Held(holder) => panic!("{holder:?}"),
    }
}

fn held(claims: &Claims, path: &Path) -> Option<Result<Holder, RecordFlaw>> {
    match claims.try_take(path).unwrap() {
        Tried::Taken(_) => None,
        Tried::Held(holder) => Some(holder),
    }
}

/// Asks until the claim is had.
fn wait(claims: &Claims, path: &Path) -> Claim {
    loop {
        if let Tried::Taken(claim) = claims.try_take(path).unwrap() {
            return claim;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A claim of a process that ended, or of one on another host.
fn forged(path: &Path, change: impl FnOnce(&mut Holder)) -> Holder {
    let machine = machine::this();
    let started = Some("1".to_owned());
    let id = std::process::id();
    let mut holder = Holder::new("other".to_owned(), machine.id.clone(), id, started, token());
    change(&mut holder);
    fs::write(path, record::content(&holder.lines().unwrap(), 3)).unwrap();
    holder
}

fn elsewhere(holder: &mut Holder) {
    holder.machine = Some("another boot pid:[1]".to_owned());
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_claim_is_held_by_one_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("c"), dir.path().join("d"));
    let (claims, neighbour) = (Claims::new(NEVER), Claims::new(NEVER));
    let claim = taken(&claims, &path);
    assert!(claim.is_held().unwrap() && claim.before().is_none());
    for asked in [&claims, &neighbour] {
        let holder = held(asked, &path).unwrap().unwrap();
        assert_eq!((holder.process, &holder.token), (std::process::id(), &claim.holder.token));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    drop(taken(&neighbour, &other));
    drop(claim);
    assert!(is_empty(dir.path()));
    assert_eq!(Claims::holder(&path).unwrap(), None);
    drop(taken(&claims, &path));
}

#[test]
fn what_is_no_plain_file_and_a_folder_that_is_not_there_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims::new(NEVER);
    fs::create_dir(dir.path().join("c")).unwrap();
    assert!(claims.try_take(&dir.path().join("c")).is_err());
    assert!(claims.try_take(&dir.path().join("absent/c")).is_err());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", dir.path().join("l")).unwrap();
        assert!(claims.try_take(&dir.path().join("l")).is_err());
    }
}

/// The file is removed and made again all the time, and still only one is inside.
#[test]
fn of_many_that_take_and_release_one_is_inside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (inside, most, count) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let claims = Claims::new(NEVER);
                for _ in 0..200 {
                    let Tried::Taken(claim) = claims.try_take(&path).unwrap() else { continue };
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    count.fetch_add(1, Ordering::SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(claim);
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 1);
    assert!(count.into_inner() > 20);
    assert!(is_empty(dir.path()));
}

/// Linux says which of its processes run.
#[cfg(target_os = "linux")]
#[test]
fn the_claim_of_a_process_that_ended_is_taken_over_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let claims = Claims::new(NEVER);
    assert!(!Claims::has_ended(&path).unwrap(), "there is no claim");
    let dead = forged(&path, |_| ());
    assert!(Claims::has_ended(&path).unwrap());
    let claim = taken(&claims, &path);
    assert_eq!(claim.before(), Some(&PreviousHolder::Ended(dead)));
    drop(claim);
    // A process that runs under that number, on another host or in another container, is no sign.
    forged(&path, elsewhere);
    assert!(!Claims::has_ended(&path).unwrap());
    assert!(held(&claims, &path).unwrap().is_ok());
    // Nor is one that nobody sees, and that has its lock: other users may be hidden.
    forged(&path, |_| ());
    let file = File::open(&path).unwrap();
    file.lock_shared().unwrap();
    let other = File::open(&path).unwrap();
    assert!(other.try_lock().is_err());
    drop((file, other));
    let file = File::open(&path).unwrap();
    file.lock().unwrap();
    assert!(held(&claims, &path).is_some());
    drop(file);
    assert!(held(&claims, &path).is_none());
}

/// Clocks of hosts are not compared: a claim of the year 1970 or 2100 counts like one of today.
#[test]
fn a_claim_without_a_beat_is_over_when_the_watcher_has_seen_nothing_for_long() {
    let hours = Duration::from_secs(1_000_000);
    #[expect(clippy::disallowed_methods, reason = "files are given times of the clock")]
    let now = std::time::SystemTime::now();
    for time in [now, now - hours, now + hours] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let silent = forged(&path, elsewhere);
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let claims = Claims::new(FAST);
        let start = Instant::now();
        let claim = wait(&claims, &path);
        assert!(start.elapsed() >= FAST.silent);
        assert_eq!(claim.before(), Some(&PreviousHolder::Silent(Ok(silent))));
        drop(claim);
        assert!(is_empty(dir.path()));
    }
}

#[test]
fn a_claim_with_a_beat_is_not_over_however_old_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (holder, watcher) = (Claims::new(NEVER), Claims::new(FAST));
    let claim = taken(&holder, &path);
    for _ in 0..3 {
        assert!(held(&watcher, &path).is_some());
        std::thread::sleep(FAST.silent * 2);
        // The first look after the beat sees it, however late.
        holder.beats.now();
    }
    assert!(held(&watcher, &path).is_some() && claim.is_held().unwrap());
}

/// The thread that beats ends when nothing is held, and starts again.
#[test]
fn what_is_held_beats_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims::new(Timing { beat: Duration::from_millis(1), silent: Duration::MAX });
    for name in ["c", "d"] {
        let path = dir.path().join(name);
        let claim = taken(&claims, &path);
        let content = || fs::read(&path).unwrap();
        for _ in 0..3 {
            let before = content();
            while content() == before {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        drop(claim);
        while !claims.beats.is_idle() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// As one that was stopped finds it when it wakes up.
#[test]
fn one_that_lost_its_claim_notices_and_leaves_the_next_one_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (one, other) = (Claims::new(FAST), Claims::new(FAST));
    let lost = taken(&one, &path);
    let found = wait(&other, &path);
    assert!(
        matches!(found.before(), Some(PreviousHolder::Silent(Ok(holder))) if *holder == lost.holder)
    );
    assert!(!lost.is_held().unwrap() && found.is_held().unwrap());
    // A last beat goes to its own file, which has no name any more.
    one.beats.now();
    drop(lost);
    assert!(found.is_held().unwrap());
    drop(found);
    assert!(is_empty(dir.path()));
}

/// Between the judgement and the rename another may have taken over already, or the holder beaten.
#[test]
fn what_was_not_judged_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let claims = Claims::new(NEVER);
    let claim = taken(&claims, &path);
    let judged = read_signature(&path).unwrap().unwrap();
    let content = record::content(&claim.holder.lines().unwrap(), 99);
    fs::write(&path, content).unwrap();
    assert!(!take_away(&path, |now| *now == judged).unwrap());
    assert!(claim.is_held().unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    drop(claim);
    assert!(!take_away(&path, |_| true).unwrap(), "nothing is there");
    // Of many that judged the same claim over, one takes over.
    for _ in 0..100 {
        forged(&path, elsewhere);
        let judged = read_signature(&path).unwrap().unwrap();
        let winners = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let won = take_away(&path, |now| *now == judged).unwrap();
                    winners.fetch_add(usize::from(won), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(winners.into_inner(), 1);
        assert!(is_empty(dir.path()));
    }
}

#[test]
fn a_damaged_foreign_or_cut_claim_is_said_and_watched_and_its_holder_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (holder, watcher) = (Claims::new(NEVER), Claims::new(FAST));
    let claim = taken(&holder, &path);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[10] ^= 1;
    let json = r#"{"format_version":99}"#;
    let later = format!("{json}\n{}\n", Digest::of(json)).into_bytes();
    let harms = [
        (flipped, RecordFlaw::Damaged),
        (good[..20].to_vec(), RecordFlaw::Damaged),
        (later, RecordFlaw::Version { found: 99 }),
        (Vec::new(), RecordFlaw::Empty),
    ];
    for (bytes, flaw) in harms {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(held(&watcher, &path), Some(Err(flaw)));
        assert!(claim.is_held().unwrap(), "{flaw}");
        // The next beat mends it.
        holder.beats.now();
        assert_eq!(Claims::holder(&path).unwrap(), Some(Ok(claim.holder.clone())));
    }
    // One that was removed is lost.
    fs::remove_file(&path).unwrap();
    assert!(!claim.is_held().unwrap());
    drop(claim);
    // Without a holder, each is taken over like any other.
    for (bytes, flaw) in [(&b"noise"[..], RecordFlaw::Damaged), (b"", RecordFlaw::Empty)] {
        fs::write(&path, bytes).unwrap();
        let claim = wait(&watcher, &path);
        assert_eq!(claim.before(), Some(&PreviousHolder::Silent(Err(flaw))));
    }
    assert!(is_empty(dir.path()));
}

/// As older versions of the program hold a claim, and see this one.
#[cfg(unix)]
#[test]
fn a_lock_on_an_empty_file_is_a_claim_and_a_claim_is_a_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let claims = Claims::new(FAST);
    let old = File::create_new(&path).unwrap();
    old.lock().unwrap();
    for _ in 0..3 {
        assert_eq!(held(&claims, &path), Some(Err(RecordFlaw::Empty)));
        std::thread::sleep(FAST.silent);
    }
    drop(old);
    let claim = wait(&claims, &path);
    assert!(File::open(&path).unwrap().try_lock().is_err());
    drop(claim);
}

#[cfg(target_os = "linux")]
#[test]
fn what_killed_processes_left_on_the_way_to_a_claim_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims::new(NEVER);
    let at = |name: &str| dir.path().join(format!("{}{name}", crate::PENDING_PREFIX));
    forged(&at("c-dead00"), |_| ());
    forged(&at("c-other0"), elsewhere);
    fs::write(at("c-noise0"), "noise").unwrap();
    fs::write(dir.path().join("notes"), "mine").unwrap();
    let claim = taken(&claims, &dir.path().join("c"));
    Claims::sweep(dir.path());
    assert!(!at("c-dead00").exists());
    for kept in [at("c-other0"), at("c-noise0"), dir.path().join("notes"), dir.path().join("c")] {
        assert!(kept.exists(), "{}", kept.display());
    }
    assert!(claim.is_held().unwrap());
}

/// A starting process removes what killed ones left on the way to a claim. What another has just
/// renamed to judge it looks like that.
#[test]
fn a_claim_that_another_swept_while_it_was_judged_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, aside) = (dir.path().join("claim"), dir.path().join(".seal-pending-claim-1"));
    forged(&aside, |_| ());
    Claims::sweep(dir.path());
    assert!(is_empty(dir.path()));
    assert!(!claim_file::judge(&aside, &path, |_| true).unwrap());
    assert!(is_empty(dir.path()));
}
