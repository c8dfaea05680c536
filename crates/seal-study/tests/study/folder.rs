//! Whose a folder is, and what stays in it.

use std::fs;
use std::path::Path;

use seal_study::{
    ConfigSource, RunOptions, Silent, StoreError, Study, StudyError, config_of_folder,
    study_of_folder,
};

use crate::tiny;

fn with(source: &ConfigSource, set: &[&str]) -> ConfigSource {
    let set = set.iter().map(|s| (*s).to_owned()).collect();
    ConfigSource { set, ..source.clone() }
}

#[test]
fn a_store_in_a_folder_of_others_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let us = dir.path().join("us");
    fs::create_dir_all(us.join("tmp")).unwrap();
    fs::write(us.join("tmp/thesis.txt"), "mine").unwrap();
    let before = tiny::files(&us);
    let study = Study::load(&source).unwrap();
    let options = RunOptions { store: Some(us.clone()), ..RunOptions::new(dir.path().join("out")) };
    let error = study.run(&options, &Silent).unwrap_err();
    assert!(matches!(error, StudyError::Store(StoreError::Foreign { .. })), "{error:?}");
    assert!(error.to_string().contains("no store and not empty: it holds `tmp`"), "{error}");
    assert_eq!(tiny::files(&us), before);
}

#[test]
fn an_export_follows_the_study_back_and_forth() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    let cells = || tiny::files(&out.join("cells"));
    tiny::run(&source, &out).unwrap();
    let a = cells();
    let half = with(&source, &["selection.keep=0.5"]);
    tiny::run(&half, &out).unwrap();
    let b = cells();
    assert_ne!(a, b);
    // A run that was killed in its export: the stamp lists both, files are of either.
    let cell = out.join("cells/seal/seed-0");
    tiny::run(&source, &out).unwrap();
    assert_eq!(cells(), a);
    for name in ["kept.jsonl", "adapter_model.safetensors"] {
        fs::write(cell.join(name), &b[&Path::new("seal/seed-0").join(name)]).unwrap();
    }
    fs::write(cell.join(".seal-pending-kept.jsonl-abcdef"), "half").unwrap();
    tiny::run(&source, &out).unwrap();
    assert_eq!(cells(), a);
    assert_eq!(fs::read_dir(out.join("set-aside/cells/seal/seed-0")).unwrap().count(), 2);
}

#[test]
fn files_of_the_past_go_and_files_of_the_user_stay() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let cell = out.join("cells/seal/seed-0");
    assert!(cell.join("adapter_model.safetensors").exists());
    fs::write(cell.join("notes.txt"), "mine").unwrap();
    fs::write(out.join("cells/notes.txt"), "mine").unwrap();
    // From an adapter to whole weights: no adapter stays beside the new model.
    let text = fs::read_to_string(source.file.as_ref().unwrap()).unwrap();
    let start = text.find("[sft.lora]").unwrap();
    let end = text.find("[generate]").unwrap();
    let whole = dir.path().join("whole.toml");
    fs::write(&whole, format!("{}{}", &text[..start], &text[end..])).unwrap();
    let whole = ConfigSource { file: Some(whole), ..ConfigSource::default() };
    let (_, said) = tiny::run(&whole, &out).unwrap();
    assert!(cell.join("model.safetensors").exists() && cell.join("notes.txt").exists());
    for gone in ["adapter_model.safetensors", "adapter_config.json", "README.md"] {
        assert!(!cell.join(gone).exists(), "{gone}");
        assert!(said.iter().any(|s| s.contains(gone) && s.contains("removed")), "{gone}: {said:?}");
    }
    // Another seed: the cells of the first are no longer of the study.
    let other = ConfigSource { seeds: Some(vec![1]), ..source.clone() };
    let (_, said) = tiny::run(&other, &out).unwrap();
    let left: Vec<_> = tiny::files(&cell).into_keys().collect();
    assert_eq!(left, [Path::new("notes.txt")]);
    assert!(said.iter().any(|s| s.contains("seal/seed-0") && s.contains("notes.txt")), "{said:?}");
    assert!(!out.join("cells/standard-sft/seed-0").exists());
    assert!(out.join("cells/notes.txt").exists());
}

/// Cells of the program before stamps listed files, and cells whose stamp is damaged or lost:
/// no file of an earlier model stays beside another one, and files of the user stay.
#[test]
fn no_file_of_an_earlier_model_stays_in_a_cell_without_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let text = fs::read_to_string(source.file.as_ref().unwrap()).unwrap();
    let start = text.find("[sft.lora]").unwrap();
    let end = text.find("[generate]").unwrap();
    let whole = dir.path().join("whole.toml");
    fs::write(&whole, format!("{}{}", &text[..start], &text[end..])).unwrap();
    let whole = ConfigSource { file: Some(whole), ..ConfigSource::default() };
    let out = dir.path().join("out");
    let cell = out.join("cells/seal/seed-0");
    let aside = out.join("set-aside/cells/seal/seed-0");
    let adapter = ["adapter_model.safetensors", "adapter_config.json", "README.md"];
    let model = ["model.safetensors", "config.json"];
    tiny::run(&source, &out).unwrap();
    let stamp = fs::read_to_string(cell.join("made-from")).unwrap();
    let cut = &stamp[..stamp.len() / 2];
    let old = r#"{"format_version": 1, "selection": "0", "sft": "0"}"#;
    let mut before = 0;
    for stamp in [Some(old), Some(cut), Some(""), None] {
        for (next, gone, there) in [(&whole, &adapter[..], &model[..]), (&source, &model, &adapter)]
        {
            let place = cell.join("made-from");
            match stamp {
                Some(stamp) => fs::write(&place, stamp).unwrap(),
                None => fs::remove_file(&place).unwrap(),
            }
            fs::write(cell.join("my-model.safetensors"), "mine").unwrap();
            fs::create_dir_all(cell.join("additional_chat_templates")).unwrap();
            fs::write(cell.join("additional_chat_templates/rag.jinja"), "old").unwrap();
            let (_, said) = tiny::run(next, &out).unwrap();
            for name in gone.iter().chain(&["additional_chat_templates/rag.jinja"]) {
                assert!(!cell.join(name).exists(), "{stamp:?}: {name} stays");
                let told = |s: &&String| s.contains(name) && s.contains("set-aside");
                assert!(said.iter().find(told).is_some(), "{stamp:?}, {name}: {said:?}");
            }
            assert!(there.iter().all(|name| cell.join(name).exists()), "{stamp:?}");
            assert_eq!(fs::read(cell.join("my-model.safetensors")).unwrap(), b"mine");
            // Nothing is lost, and the next run finds all as it should be.
            let now = fs::read_dir(&aside).unwrap().count();
            assert!(now > before, "{stamp:?}");
            before = now;
            let (_, again) = tiny::run(next, &out).unwrap();
            assert_eq!(again, Vec::<String>::new(), "{stamp:?}");
        }
    }
}

#[test]
fn an_edited_export_is_written_again_and_the_edit_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let kept = out.join("cells/seal/seed-0/kept.jsonl");
    let good = fs::read(&kept).unwrap();
    fs::write(&kept, "my edit\n").unwrap();
    let (_, said) = tiny::run(&source, &out).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), good);
    let aside = out.join("set-aside/cells/seal/seed-0/kept.jsonl-1");
    assert_eq!(fs::read_to_string(aside).unwrap(), "my edit\n");
    assert!(said[0].contains("damaged or edited"), "{said:?}");
}

#[test]
fn a_folder_says_whose_it_is_even_without_its_owner_file() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let owner = out.join("study.json");
    let good = fs::read_to_string(&owner).unwrap();
    assert_eq!(study_of_folder(&out).unwrap().as_deref(), Some("tiny"));
    // A study.json of version 1, and lost, empty and cut ones.
    for bad in ["{\"format_version\": 1, \"study\": \"tiny\"}\n", "", &good[..20], "{}"] {
        fs::write(&owner, bad).unwrap();
        tiny::run(&source, &out).unwrap();
        assert_eq!(fs::read_to_string(&owner).unwrap(), good, "{bad:?}");
    }
    fs::remove_file(&owner).unwrap();
    let other = with(&source, &["study.name=\"other\""]);
    let error = tiny::run(&other, &out).unwrap_err().to_string();
    assert!(error.contains("holds the study `tiny`, not `other`"), "{error}");
    tiny::run(&source, &out).unwrap();
    // Without any witness: what to type is said, and works.
    for name in ["study.json", "config.toml", "results.json"] {
        fs::write(out.join(name), "").unwrap();
    }
    let error = tiny::run(&source, &out).unwrap_err().to_string();
    let typed = "{\"format_version\": 1, \"study\": \"tiny\"}";
    assert!(error.contains(typed), "{error}");
    fs::write(&owner, typed).unwrap();
    tiny::run(&source, &out).unwrap();
    fs::write(&owner, good.replace("\"format_version\": 2", "\"format_version\": 99")).unwrap();
    let error = tiny::run(&source, &out).unwrap_err().to_string();
    assert!(error.contains("format_version 99"), "{error}");
}

#[test]
fn a_folder_of_others_gets_nothing_not_even_a_lock() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    // The user's own config of the same study makes no run folder.
    let mine = dir.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::copy(source.file.as_ref().unwrap(), mine.join("config.toml")).unwrap();
    for more in ["config.toml", "study.json", "notes.txt"] {
        if more != "config.toml" {
            fs::write(mine.join(more), "{\"mine\": true}").unwrap();
        }
        let before = tiny::files(&mine);
        let error = tiny::run(&source, &mine).unwrap_err().to_string();
        assert!(error.contains("is not empty and no run folder"), "{more}: {error}");
        assert_eq!(tiny::files(&mine), before);
        assert_eq!(study_of_folder(&mine).unwrap(), None);
    }
}

#[test]
fn the_config_of_a_folder_is_the_last_runs() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    let (first, _) = tiny::run(&source, &out).unwrap();
    let found = config_of_folder(&out).unwrap().unwrap();
    assert!(found.is_vouched_for);
    let config = found.path.clone();
    let own = ConfigSource { file: Some(config.clone()), ..ConfigSource::default() };
    let (second, _) = tiny::run(&own, &out).unwrap();
    assert_eq!((second.ran, second.results), (0, first.results), "the same study");
    let text = fs::read_to_string(&config).unwrap();
    // One selector with other settings is no run of the study.
    let other = Study::load(&with(&source, &["bilevel.epochs=2"])).unwrap();
    let request = seal_study::SelectRequest::default();
    other.select(&request, &RunOptions::new(&out), &Silent).unwrap();
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    assert!(config_of_folder(&out).unwrap().is_some());
    fs::write(&config, text.replace("keep = 0.8", "keep = 0.9")).unwrap();
    let error = config_of_folder(&out).unwrap_err().to_string();
    assert!(error.contains("edited or damaged"), "{error}");
    // Named, it is what the user wants.
    assert_eq!(tiny::run(&own, &out).unwrap().0.results.arms.len(), 2);
    assert_eq!(config_of_folder(&out).unwrap(), Some(found));
    // Without study.json nobody knows whether it was edited.
    fs::remove_file(out.join("study.json")).unwrap();
    assert!(!config_of_folder(&out).unwrap().unwrap().is_vouched_for);
}

#[test]
fn a_config_with_comments_stays_as_long_as_its_settings_are_those_that_run() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let config = out.join("config.toml");
    let mine = format!("# mine\n{}", fs::read_to_string(&config).unwrap());
    fs::write(&config, &mine).unwrap();
    let own = ConfigSource { file: Some(config.clone()), ..ConfigSource::default() };
    tiny::run(&own, &out).unwrap();
    assert_eq!(fs::read_to_string(&config).unwrap(), mine);
    // It is now the last run's.
    assert!(config_of_folder(&out).unwrap().unwrap().is_vouched_for);
    // A comment more, and other settings than the file's: the user's copy is kept.
    let again = format!("# again\n{mine}");
    fs::write(&config, &again).unwrap();
    let (_, said) = tiny::run(&with(&own, &["sft.epochs=2"]), &out).unwrap();
    assert_eq!(fs::read_to_string(out.join("set-aside/config.toml-1")).unwrap(), again);
    assert!(!fs::read_to_string(&config).unwrap().contains("# again"));
    assert!(said.iter().any(|notice| notice.contains("set-aside")), "{said:?}");
}

#[test]
fn a_study_reads_none_of_the_files_that_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let kept = out.join("cells/seal/seed-0/kept.jsonl");
    let before = fs::read(&kept).unwrap();
    let path = format!("data.fine_tuning=[{{path = \"{}\"}}]", kept.display());
    let error = tiny::run(&with(&source, &[&path]), &out).unwrap_err().to_string();
    assert!(error.contains("the rows") && error.contains("written over"), "{error}");
    assert_eq!(fs::read(&kept).unwrap(), before);
    // In another folder, these rows are as good as any.
    tiny::run(&with(&source, &[&path]), &dir.path().join("other")).unwrap();
}

#[test]
fn the_store_is_a_folder_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let out = dir.path().join("out");
    let study = Study::load(&source).unwrap();
    let options = RunOptions { store: Some(out.clone()), ..RunOptions::new(&out) };
    let error = study.run(&options, &Silent).unwrap_err().to_string();
    assert!(error.contains("it is the run folder"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_in_a_run_folder_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let source = tiny::source(dir.path());
    let places = [
        "cells",
        "cells/seal",
        "cells/seal/seed-0",
        "cells/seal/seed-0/kept.jsonl",
        "cells/seal/seed-0/adapter_model.safetensors",
        "cells/seal/seed-0/made-from",
        "config.toml",
        "left-out.jsonl",
        "study.json",
        "lock",
        "store",
        "store/sft",
        "store/lock",
        "store/scratch",
        "store/store.json",
    ];
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    for (i, place) in places.iter().enumerate() {
        let at = out.join(place);
        let was = dir.path().join(format!("was-{i}"));
        fs::rename(&at, &was).unwrap();
        // A copy: what a link leads to must stay as it is.
        let before = if was.is_dir() { tiny::files(&was) } else { Default::default() };
        let content = if was.is_dir() { Vec::new() } else { fs::read(&was).unwrap() };
        symlink(&was, &at).unwrap();
        let error = tiny::run(&source, &out).expect_err(place).to_string();
        assert!(error.contains("is a link"), "{place}: {error}");
        match was.is_dir() {
            true => assert_eq!(tiny::files(&was), before, "{place}"),
            false => assert_eq!(fs::read(&was).unwrap(), content, "{place}"),
        }
        fs::remove_file(&at).unwrap();
        fs::rename(&was, &at).unwrap();
    }
    assert_eq!(tiny::run(&source, &out).unwrap().0.ran, 0);
    // The folder that a user names may be a link.
    let named = dir.path().join("named");
    symlink(&out, &named).unwrap();
    assert_eq!(tiny::run(&source, &named).unwrap().0.ran, 0);
}
