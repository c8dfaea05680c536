use std::io;
use std::path::PathBuf;

use seal_bilevel::BilevelError;
use seal_judging::JudgingError;
use seal_lm::LmError;

use super::*;

fn path() -> PathBuf {
    PathBuf::from("x")
}

#[test]
fn errors_name_the_option_that_puts_them_right() {
    let missing = || ModelError::from(FolderError::Missing { path: path() });
    let judge = JudgeFailure::Model;
    let answers = AnswersError::InUse { path: path() };
    let stage =
        |source: StudyError| StudyError::Stage { label: "sft".into(), source: Box::new(source) };
    let of_rows = ImportError::Rows { path: path(), rows: 1, selector: 2 };
    let arm = StudyError::NoSelector { arm: Some("a".into()), known: vec!["b".into()] };
    for (text, start, end) in [
        (of(&missing()), "--model: x is no folder", "@revision"),
        (of(&StudyError::from(missing())), "model.path or proxy.model.path: x is no", "@revision"),
        (of(&stage(missing().into())), "sft: model.path or proxy.model.path: x", "@revision"),
        (of(&ModelError::Context { context: 9, most: 8 }), "--context 9: ", " 8 tokens"),
        (of(&judge(missing())), "model.path: x is no folder", "@revision"),
        (of(&judge(ModelError::Context { context: 9, most: 8 })), "model.context 9: ", " 8 tokens"),
        (
            of(&judge(FolderError::Adapter { path: path(), base: None }.into())),
            "model.path: x is an adapter; ",
            "with the adapter merged into it",
        ),
        (of(&ModelError::OutputInUse { folder: path() }), "--out x: give", "new folder"),
        (of(&ModelError::from(answers)), "x: another run", "or give another --file"),
        (of(&ModelError::from(of_rows)), "x: 1 rows; ", "with --dropped or --tokenizer"),
        (
            of(&StudyError::from(ConfigError::JudgeModel {
                section: "judge.hh".into(),
                source: Box::new(missing()),
            })),
            "judge.hh.model.path: x is no",
            "@revision",
        ),
        (of(&arm), "--arm: `a` is no arm that", "such arms are: b"),
        (of(&StudyError::StoreIsRunFolder { store: path() }), "--store x: ", "its own"),
        (
            of(&StudyError::from(KeyError::NoPair { text: "k".into() })),
            "--set takes KEY=VALUE",
            "got `k`",
        ),
    ] {
        assert!(text.starts_with(start) && text.ends_with(end), "{text}");
    }
}

#[test]
fn a_full_disk_is_said_once_with_what_to_do() {
    let full = || io::Error::from(ErrorKind::StorageFull);
    let model = || ModelError::io(&path())(full());
    let weights = || LmError::io("model.safetensors")(full());
    let results = seal_report::Error::Io { action: "write", path: "r".into(), source: full() };
    for error in [
        StudyError::from(model()),
        StudyError::io(&path())(full()),
        weights().into(),
        BilevelError::from(weights()).into(),
        results.into(),
    ] {
        let stage = StudyError::Stage { label: "sft".into(), source: Box::new(error) };
        let text = of(&stage);
        assert!(text.starts_with("sft: ") && text.ends_with("stages are kept"), "{text}");
        assert_eq!(text.matches("make room and run").count(), 1, "{text}");
    }
    assert!(of(&model()).ends_with("make room and run the same command again"));
    let judging =
        JudgeFailure::from(JudgingError::Io { action: "write", path: path(), source: full() });
    let annotations = JudgeFailure::Write { path: path(), source: full() };
    for error in [judging, annotations] {
        let text = of(&error);
        assert!(text.ends_with("make room and run the same command again: verdicts are kept"));
    }
    let other = StudyError::io(&path())(io::Error::from(ErrorKind::NotFound));
    assert!(!of(&other).contains("make room"));
}

#[test]
fn a_right_that_is_lacking_comes_with_who_gives_it() {
    let io = |kind: ErrorKind| StudyError::io(&path())(io::Error::from(kind));
    let denied = of(&io(ErrorKind::PermissionDenied));
    assert!(denied.contains("x: permission denied; get the right"), "{denied}");
    assert!(denied.contains("umask 002"), "{denied}");
    // Rows of another user are in no store.
    let source = io::Error::from(ErrorKind::PermissionDenied);
    let rows = ConfigError::Unreadable { path: path(), source };
    let denied = of(&StudyError::from(rows));
    assert!(denied.ends_with("; get the right to read it from its owner"), "{denied}");
    let fixed = of(&io(ErrorKind::ReadOnlyFilesystem));
    assert!(fixed.ends_with("; give --out and --store folders that can be written"), "{fixed}");
    let store = |reason| StoreError::ReadOnly {
        root: path(),
        output: "sft-0".to_owned(),
        damage: None,
        reason,
    };
    let denied = of(&StudyError::from(store(ErrorKind::PermissionDenied)));
    assert_eq!(denied.matches("get the right").count(), 1, "{denied}");
    assert!(denied.contains("umask 002"), "{denied}");
    assert!(!of(&StudyError::from(store(ErrorKind::ReadOnlyFilesystem))).contains("umask"));
}
