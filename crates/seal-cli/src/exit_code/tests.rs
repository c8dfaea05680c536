use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Error;
use seal_bilevel::BilevelError;
use seal_data::RowId;
use seal_judge::JudgeError;
use seal_lm::{LmError, SettingError};
use seal_model::{AnswersError, ApplyError, Defect, ImportError, RecordKind};
use seal_select::{DroppedRowsError, RowSetError, SelectError, SelectorFormatError};
use seal_study::{ConfigError, RowsError, ValueError};

use super::*;

fn full() -> io::Error {
    io::Error::from(ErrorKind::StorageFull)
}

fn no_rows() -> StudyError {
    RowsError::Empty { set: "safe".into() }.into()
}

fn stage(error: StudyError) -> StudyError {
    StudyError::Stage { label: "sft".into(), source: Box::new(error) }
}

#[test]
fn each_class_of_a_study_has_its_code() {
    let id = RowId::of("p", "r", 0);
    let json = || serde_json::from_str::<u8>("x").unwrap_err();
    let kind = "rules";
    let damaged = StudyError::Damaged { path: "f".into(), reason: "r".into() };
    let io = || LmError::io("model.safetensors")(io::Error::from(ErrorKind::NotFound));
    let twice = DroppedRowsError::Twice { row: 2 };
    let dropped = SelectError::DroppedRows { line: 1, source: twice };
    let rows = JudgeError::Rows { kind, missing: 1, rows: 2, first: id, what: "label" };
    for (error, expected) in [
        (damaged, DATA),
        (JudgeError::MissingField { kind, id, what: "label" }.into(), DATA),
        (JudgeError::Line { line: 1, source: json() }.into(), DATA),
        (JudgeError::Duplicate { what: "an answer", id }.into(), DATA),
        (JudgeError::Unknown { what: "an answer", id }.into(), DATA),
        (JudgeError::Count { kind, id, expected: 1, found: 2 }.into(), DATA),
        (JudgeError::Setting { kind, name: "tie", problem: "p".into() }.into(), USAGE),
        (JudgeError::Write { index: 0, source: json() }.into(), UNEXPECTED),
        (stage(rows.into()), DATA),
        (
            SelectError::Format { line: 1, source: SelectorFormatError::Rank { rank: 9 } }.into(),
            DATA,
        ),
        (dropped.into(), DATA),
        (SelectError::RowSet(RowSetError::Empty).into(), USAGE),
        (SelectError::Diverged.into(), UNEXPECTED),
        (BilevelError::from(io()).into(), DATA),
        (stage(LmError::from(SettingError::NoTargets).into()), USAGE),
        (BilevelError::Observer(Box::new(no_rows())).into(), DATA),
    ] {
        assert_eq!(of(&Error::from(error)), expected);
    }
}

#[test]
fn an_error_of_one_model_has_the_code_of_its_class() {
    let path = || PathBuf::from("f");
    let json = || serde_json::from_str::<u8>("x").unwrap_err();
    let rows = ApplyError::OtherRows { path: path(), rows: 1 };
    for (error, expected) in [
        (ModelError::Context { context: 9, most: 8 }, USAGE),
        (ModelError::OutputInUse { folder: path() }, USAGE),
        (AnswersError::InUse { path: path() }.into(), USAGE),
        (
            AnswersError::NoAnswer {
                kind: RecordKind::Answer,
                path: path(),
                line: 1,
                source: json(),
            }
            .into(),
            DATA,
        ),
        (rows.into(), DATA),
        (ImportError::Tokenizer.into(), USAGE),
        (ImportError::Rows { path: path(), rows: 1, selector: 2 }.into(), DATA),
        (ModelError::NoUsableRow { set: "safe".into(), first: None }, DATA),
        (Defect::NotLookedFor.into(), UNEXPECTED),
        (ModelError::io(&path())(full()), UNEXPECTED),
        (LmError::from(SettingError::NoTargets).into(), USAGE),
    ] {
        assert_eq!(model::code(&error), expected, "{error}");
        assert_eq!(of(&Error::from(StudyError::from(error))), expected);
    }
}

#[test]
fn a_code_is_found_below_a_context() {
    let unknown = "abacus".parse::<seal_device::DeviceSpec>().unwrap_err();
    let absent = DeviceError::NotCompiledIn {
        device: "cuda:0".parse().unwrap(),
        present: vec![seal_device::Backend::Flex],
    };
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    let results = |source| seal_report::Error::Io { action: "read", path: "r".into(), source };
    for (error, expected) in [
        (Error::from(StudyError::from(ConfigError::from(ValueError::NoTest))), USAGE),
        (Error::from(no_rows()).context("above"), DATA),
        (Error::from(UsageError::NothingToDraw), USAGE),
        (Error::from(ModelError::Context { context: 9, most: 8 }).context("above"), USAGE),
        (Error::from(unknown), USAGE),
        (Error::from(absent).context("above"), DEVICE),
        (Error::from(seal_report::Error::Json { file: "results.json", source: json }), DATA),
        (Error::from(results(io::Error::from(ErrorKind::NotFound))), USAGE),
        (Error::from(results(full())), UNEXPECTED),
        (anyhow::anyhow!("other"), UNEXPECTED),
    ] {
        assert_eq!(of(&error), expected, "{error:#}");
    }
}

#[test]
fn a_full_disk_is_one_failure_wherever_it_is_met() {
    let results = seal_report::Error::Io { action: "write", path: "r".into(), source: full() };
    for error in [
        StudyError::io(Path::new("store"))(full()),
        LmError::io("model.safetensors")(full()).into(),
        BilevelError::from(LmError::io("model.safetensors")(full())).into(),
        results.into(),
    ] {
        assert_eq!(of(&Error::from(stage(error))), UNEXPECTED);
    }
}
