//! Stored files that are not as a run left them.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use seal_report::{BaseNll, Document, Error, Figures, Report, Results, TuningCurve};

const FILES: [&str; 5] =
    ["results.json", "figures.json", "provenance.json", "cost.json", "checksums.json"];

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    common::report(common::missing()).write(dir.path()).unwrap();
    assert!(Report::has_checksums(dir.path()));
    dir
}

fn place(dir: &Path, name: &str) -> (PathBuf, Vec<u8>) {
    let path = dir.join(name);
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let dir = folder();
    for name in FILES {
        let (path, bytes) = place(dir.path(), name);
        // Some 400 places of each file, and every one of the short ones; all bits.
        let step = (bytes.len() / 400).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let read = Report::read(dir.path());
            assert!(read.is_err(), "{name}: bit {} of byte {at}", at % 8);
        }
        fs::write(&path, &bytes).unwrap();
    }
    Report::read(dir.path()).unwrap();
}

#[test]
fn cut_emptied_grown_and_deleted_files_are_found_by_name() {
    for name in FILES {
        let dir = folder();
        let (path, bytes) = place(dir.path(), name);
        let found = |what: &str| {
            let error = Report::read(dir.path()).unwrap_err();
            let said = error.to_string();
            assert!(matches!(error, Error::Damaged { .. }), "{name} {what}: {error:?}");
            assert!(said.starts_with(name), "{name} {what}: {said}");
            assert!(said.contains("make the results again"), "{said}");
        };
        for keep in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..keep]).unwrap();
            found("cut");
        }
        fs::write(&path, [&bytes[..], b" "].concat()).unwrap();
        found("grown");
        fs::remove_file(&path).unwrap();
        match name {
            // An older program leaves none: that is told apart by the caller.
            "checksums.json" => {
                Report::read(dir.path()).unwrap();
                assert!(!Report::has_checksums(dir.path()));
            }
            _ => found("deleted"),
        }
    }
}

#[test]
fn an_edit_is_told_with_the_way_on() {
    let dir = folder();
    let (path, bytes) = place(dir.path(), "results.json");
    let text = String::from_utf8(bytes).unwrap();
    let mut results = Results::from_json(&text).unwrap();
    results.arms[0].label = "another label".into();
    fs::write(&path, results.to_json().unwrap()).unwrap();
    let said = Report::read(dir.path()).unwrap_err().to_string();
    assert!(said.contains("edited") && said.contains("delete checksums.json"), "{said}");
    fs::remove_file(dir.path().join("checksums.json")).unwrap();
    let report = Report::read(dir.path()).unwrap();
    assert_eq!(report.results, results);
    report.write(dir.path()).unwrap();
    assert_eq!(Report::read(dir.path()).unwrap().results, results);
}

/// What is read without checksums is rendered, and not declared to be what a run wrote.
#[test]
fn a_report_of_unchecked_files_makes_no_checksums() {
    let dir = folder();
    fs::remove_file(dir.path().join("checksums.json")).unwrap();
    fs::remove_file(dir.path().join("report.md")).unwrap();
    let read = Report::read(dir.path()).unwrap();
    assert!(read.is_unchecked);
    let written = read.write(dir.path()).unwrap();
    assert!(written.iter().any(|path| path.ends_with("report.md")), "{written:?}");
    assert!(!Report::has_checksums(dir.path()), "{written:?}");
    // A run that makes them anew does know.
    common::report(common::missing()).write(dir.path()).unwrap();
    assert!(Report::has_checksums(dir.path()));
    assert!(!Report::read(dir.path()).unwrap().is_unchecked);
    Report::read(dir.path()).unwrap().write(dir.path()).unwrap();
    assert!(Report::has_checksums(dir.path()), "what was checked stays checked");
}

#[test]
fn results_of_another_program_are_named_and_kept() {
    for name in FILES {
        let dir = folder();
        let (path, bytes) = place(dir.path(), name);
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replacen("\"format_version\": 1", "\"format_version\": 99", 1);
        fs::write(&path, &newer).unwrap();
        let refused = |error: Error| {
            assert!(matches!(error, Error::Version { found: 99, .. }), "{name}: {error:?}");
            assert!(error.to_string().starts_with(name), "{error}");
        };
        refused(Report::read(dir.path()).unwrap_err());
        refused(Report::check_versions(dir.path()).unwrap_err());
        refused(common::report(common::missing()).write(dir.path()).unwrap_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    }
}

/// Where there are no sums, a figure that cannot be is refused all the same.
#[test]
fn every_figure_has_its_range() {
    let dir = folder();
    fs::remove_file(dir.path().join("checksums.json")).unwrap();
    for name in ["results.json", "figures.json", "cost.json"] {
        let (path, bytes) = place(dir.path(), name);
        let whole: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let mut places = Vec::new();
        fractions(&whole, String::new(), &mut places);
        assert!(places.len() > 20 || name == "cost.json", "{name}: {}", places.len());
        for pointer in places {
            for value in [-5.0, 1e300] {
                // A score, a margin and an edge of a histogram can be anything, and a
                // time, a loss or a mean weight can be large.
                let field = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err());
                let free = ["margin", "score", "edges"].iter().any(|f| Some(*f) == field);
                let large =
                    ["mean_p", "safe_loss", "data_loss", "detectable", "seconds", "wall_seconds"];
                if free || (value > 0.0 && large.iter().any(|f| Some(*f) == field)) {
                    continue;
                }
                let mut changed = whole.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.into();
                // A difference may be -5 points.
                if value < 0.0
                    && ["diff", "lo", "hi"].iter().any(|f| Some(*f) == field)
                    && pointer.starts_with("/comparisons")
                {
                    continue;
                }
                fs::write(&path, changed.to_string()).unwrap();
                let read = Report::read(dir.path());
                assert!(
                    matches!(read, Err(Error::Inconsistent { .. })),
                    "{name}{pointer} = {value}: {read:?}"
                );
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
}

/// JSON pointers to every number with a point.
fn fractions(value: &serde_json::Value, at: String, out: &mut Vec<String>) {
    match value {
        serde_json::Value::Number(n) if n.is_f64() => out.push(at),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| fractions(v, format!("{at}/{i}"), out));
        }
        serde_json::Value::Object(map) => map.iter().for_each(|(key, v)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            fractions(v, format!("{at}/{key}"), out);
        }),
        _ => {}
    }
}

#[test]
fn counts_and_seeds_agree() {
    let break_it = |change: fn(&mut Results)| {
        let mut results = common::missing();
        change(&mut results);
        results.to_json().unwrap_err().to_string()
    };
    let said = break_it(|r| r.arms[0].win_rate.get_mut("hh").unwrap().wins = u64::MAX);
    assert!(said.contains("arms[0].win_rate.hh.wins"), "{said}");
    let mut whole = common::full();
    whole.arms[2].win_rate.get_mut("hh").unwrap().ties += 1;
    let said = whole.to_json().unwrap_err().to_string();
    assert!(said.contains("arms[2].win_rate.hh.ties") && said.contains("the cells have"), "{said}");
    let said = break_it(|r| {
        let again = r.arms[0].cells[0].clone();
        r.arms[0].cells.push(again);
    });
    assert!(said.contains("is there twice"), "{said}");
    let said = break_it(|r| {
        let split = r.data.splits.values_mut().find(|s| s.unsafe_rows.is_some()).unwrap();
        split.unsafe_rows = Some(split.rows + 1);
    });
    assert!(said.contains("unsafe"), "{said}");
    let mut figures: Figures = common::figures(&common::missing());
    let mut broken = figures.clone();
    broken.coherence[0].empty = broken.coherence[0].answers;
    broken.coherence[0].wordless = 1;
    let said = broken.to_json().unwrap_err().to_string();
    assert!(said.contains("coherence[0].answers: 302 are broken"), "{said}");
    let mut broken = figures.clone();
    broken.coherence[1].cut = Some(broken.coherence[1].answers + 1);
    let said = broken.to_json().unwrap_err().to_string();
    assert!(said.contains("coherence[1].answers: 301 are cut"), "{said}");
    let mut broken = figures.clone();
    broken.base_nll = vec![BaseNll { answers: 2, above: 3, ..BaseNll::default() }];
    let said = broken.to_json().unwrap_err().to_string();
    assert!(said.contains("base_nll[0].answers: 3 are above"), "{said}");
    broken.base_nll.clear();
    broken.fine_tuning = vec![TuningCurve { losses: vec![1.0, -1.0], ..TuningCurve::default() }];
    let said = broken.to_json().unwrap_err().to_string();
    assert!(said.contains("fine_tuning[0].losses"), "{said}");
    let curve = figures.cells.iter_mut().find(|c| c.roc.len() > 2).unwrap();
    curve.roc.swap(0, 1);
    assert!(figures.to_json().unwrap_err().to_string().contains("roc[1].fpr"));
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    for name in ["results.json", "report.md", "checksums.json", ".results.json.part"] {
        let dir = tempfile::tempdir().unwrap();
        let (out, mine) = (dir.path().join("run"), dir.path().join("thesis.txt"));
        fs::create_dir(&out).unwrap();
        fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, out.join(name)).unwrap();
        let written = common::report(common::missing()).write(&out);
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine", "{name}");
        if !name.ends_with(".part") && name != "checksums.json" {
            assert!(written.unwrap_err().to_string().contains("link"), "{name}");
        }
    }
}
