use std::path::PathBuf;

use seal_study::Defect;

use super::*;

fn remedy(error: impl Into<StudyError>) -> String {
    let error = error.into();
    of(&error).and_then(|advice| advice.remedy).unwrap_or_default()
}

#[test]
fn every_folder_that_cannot_be_used_has_an_option_that_names_another() {
    let out = || PathBuf::from("runs/x");
    let (found, wanted) = ("a".to_owned(), "b".to_owned());
    for error in [
        RunFolderError::File { out: out() },
        RunFolderError::InUse { out: out() },
        RunFolderError::OtherStudy { out: out(), found, wanted },
        RunFolderError::Foreign { out: out() },
        RunFolderError::Input { role: "the rows", path: out() },
        RunFolderError::Version { path: out(), found: "9".into(), known: 2 },
    ] {
        assert!(remedy(error.clone()).contains("--out"), "{error}");
    }
    let edited = RunFolderError::EditedConfig { path: "runs/x/config.toml".into() };
    assert!(remedy(edited).ends_with("--config runs/x/config.toml"));
}

#[test]
fn a_log_is_moved_away_only_where_its_verdicts_cannot_be_read() {
    let io = |action, kind: std::io::ErrorKind| JudgingError::Io {
        action,
        path: "verdicts.jsonl".into(),
        source: kind.into(),
    };
    use std::io::ErrorKind::{InvalidData, Other, PermissionDenied, StorageFull};
    for lost in [JudgingError::LogForeign { path: "x".into() }, io("read", InvalidData)] {
        assert_eq!(remedy(lost), LOG);
    }
    for kept in [
        io("write", StorageFull),
        io("mend", StorageFull),
        io("open", PermissionDenied),
        io("read", PermissionDenied),
        io("write", Other),
    ] {
        assert_eq!(remedy(kept), "");
    }
}

#[test]
fn the_error_of_a_stage_is_mended_as_the_error_itself() {
    let source = Box::new(StudyError::from(RunFolderError::InUse { out: "o".into() }));
    let stage = StudyError::Stage { label: "sft".into(), source };
    assert!(remedy(stage).contains("wait for it"));
    assert_eq!(of(&StudyError::from(Defect::NoData)), None);
}

#[test]
fn a_missing_feature_comes_with_the_command_that_brings_it() {
    let missing = DeviceError::NotCompiledIn {
        device: "cuda:0".parse().unwrap(),
        present: vec![seal_device::Backend::Flex],
    };
    assert!(of(&missing).unwrap().remedy.unwrap().contains("--features cuda"));
    let data = DataError::NoParquet { path: "rows.parquet".into() };
    assert!(remedy(data).contains("--features parquet"));
}

#[cfg(feature = "hub")]
#[test]
fn what_the_cache_lacks_comes_with_the_command_that_loads_it() {
    use seal_hub::{HubAddress, HubError};
    let offline = |address: &str| {
        ModelError::from(HubError::Offline {
            address: Box::new(address.parse::<HubAddress>().unwrap()),
            cache: "cache".into(),
            missing: "it".into(),
        })
    };
    let set = remedy(offline("hf://datasets/owner/name@v1/train.parquet"));
    assert!(
        set.contains("hf download --repo-type dataset --revision v1 owner/name 'train.parquet'"),
        "{set}"
    );
    assert!(remedy(offline("hf://owner/name")).contains("hf download --revision main owner"));
}
