//! Logs that are cut, damaged, foreign or shared.

use seal_endpoint::{Finish, Logprobs, Reply};
use seal_judge::{Judgement, Order, Outcome};

use super::*;

fn line(key: &str, served: &str) -> LogLine {
    LogLine {
        version: LogLine::version(),
        key: key.to_owned(),
        subject: "pair".to_owned(),
        instruction: "0".to_owned(),
        order: Some(Order::ArmFirst),
        sample: 0,
        asked: "m".to_owned(),
        served: served.to_owned(),
        base_url: "http://h/v1".to_owned(),
        prompt: "p".to_owned(),
        judgement: Some(Judgement::of(Outcome::First)),
        rating: None,
        cost: None,
        estimated: false,
        batch: false,
        reply: Reply {
            content: Some("A\n\u{2028}".to_owned()),
            refusal: None,
            reasoning: None,
            finish: Finish::Stop,
            logprobs: Logprobs::Absent,
            usage: None,
            model: None,
            fingerprint: None,
            id: None,
        },
    }
}

fn written(lines: &[LogLine]) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.jsonl");
    let mut log = VerdictLog::open(&path).unwrap();
    for line in lines {
        log.append(line.clone()).unwrap();
    }
    drop(log);
    let bytes = std::fs::read(&path).unwrap();
    (dir, path, bytes)
}

#[test]
fn lines_come_back_by_key_and_model() {
    let (_dir, path, bytes) = written(&[line("a", "m1"), line("b", "m1"), line("a", "m2")]);
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 3);
    let log = VerdictLog::open(&path).unwrap();
    assert_eq!(log.repair(), &Repair::default());
    assert_eq!(log.find("a", |served| served == "m2"), Some(&line("a", "m2")));
    assert_eq!(log.find("b", |served| served == "m2"), None);
    assert_eq!(log.latest_served(|_| true), Some("m2"));
    assert_eq!(log.latest_served(|line| line.key == "b"), Some("m1"));
}

#[test]
fn a_log_cut_at_any_byte_loses_its_last_line_at_most() {
    let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m")]);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for end in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let mut log = VerdictLog::open(&path).unwrap();
        let whole = usize::from(end + 1 >= first) + usize::from(end + 1 >= bytes.len());
        assert_eq!(log.lines.len(), whole, "cut at {end}");
        log.append(line("c", "m")).unwrap();
        drop(log);
        let log = VerdictLog::open(&path).unwrap();
        assert_eq!((log.lines.len(), log.repair()), (whole + 1, &Repair::default()), "{end}");
    }
}

#[test]
fn a_damaged_line_is_counted_and_stays() {
    let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m"), line("c", "m")]);
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "{\"version\":1,\"key\":\"b\"";
    lines.insert(2, "{\"version\":9,\"other\":true}");
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let log = VerdictLog::open(&path).unwrap();
    let expected = Repair { damaged: vec![2], other_version: vec![3], ..Repair::default() };
    assert_eq!((log.lines.len(), log.repair()), (2, &expected));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
}

#[test]
fn another_file_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    for text in [
        "my notes",
        "my notes\n",
        "[1, 2]\n",
        "{\"a\": 1}\n",
        "first\nsecond",
        "first\n{\"version\":1,\"key\":\"",
        "\n\nmy notes\n",
        "\nmy notes",
        "{\"version\":\"2\",\"name\":\"x\"}",
    ] {
        std::fs::write(&path, text).unwrap();
        for opened in [VerdictLog::open(&path), VerdictLog::read(&path)] {
            let error = opened.unwrap_err();
            assert!(matches!(error, JudgingError::LogForeign { .. }), "{text}: {error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn whoever_only_reads_mends_nothing() {
    let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m")]);
    let end = bytes.len();
    for (cut, lines, completed) in [(end - 9, 1, false), (end - 1, 2, true)] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        // One process writes while the other reads.
        let log = VerdictLog::read(&path).unwrap();
        assert_eq!((log.lines.len(), log.repair().completed), (lines, completed));
        assert_eq!(log.repair().cut > 0, !completed);
        assert_eq!(std::fs::read(&path).unwrap(), bytes[..cut]);
    }
}

#[test]
fn a_failed_write_does_not_join_the_next_line() {
    let (_dir, path, bytes) = written(&[line("a", "m")]);
    let mut log = VerdictLog::open(&path).unwrap();
    let good = std::mem::replace(&mut log.file, File::open(&path).unwrap());
    // A file that is open for reading can be neither written nor cut.
    log.append(line("b", "m")).unwrap_err();
    let torn = [&bytes[..], b"{\"version\":1,\"key\":\"b"].concat();
    std::fs::write(&path, torn).unwrap();
    log.append(line("b", "m")).unwrap_err();
    log.file = good;
    log.append(line("c", "m")).unwrap();
    drop(log);
    let log = VerdictLog::open(&path).unwrap();
    assert_eq!(log.repair(), &Repair::default());
    let keys: Vec<&str> = log.lines.iter().map(|line| line.key.as_str()).collect();
    assert_eq!(keys, ["a", "c"]);
}

#[test]
fn one_process_at_a_time_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.jsonl");
    let _first = VerdictLog::open(&path).unwrap();
    assert!(matches!(VerdictLog::open(&path), Err(JudgingError::LogInUse { .. })));
}

#[test]
fn a_file_system_without_locks_is_no_error() {
    let path = Path::new("v.jsonl");
    let none = std::io::Error::from(std::io::ErrorKind::Unsupported);
    assert!(refuse_in_use(path, Err(TryLockError::Error(none))).is_ok());
    let held = refuse_in_use(path, Err(TryLockError::WouldBlock));
    assert!(matches!(held, Err(JudgingError::LogInUse { .. })));
}

#[test]
fn nothing_is_written_after_lines_of_another_and_none_of_them_is_cut() {
    let (_dir, path, bytes) = written(&[line("a", "m")]);
    let theirs = [&bytes[..], &bytes[..]].concat();
    let mut log = VerdictLog::open(&path).unwrap();
    std::fs::write(&path, &theirs).unwrap();
    for is_torn in [false, true] {
        // As after a write that failed.
        (log.is_torn, log.torn) = (is_torn, b"{\"version\":1,\"key\":\"b\"".to_vec());
        let refused = log.append(line("b", "m"));
        assert!(matches!(refused, Err(JudgingError::LogLost { .. })), "{refused:?}");
        assert_eq!(std::fs::read(&path).unwrap(), theirs);
    }
}
