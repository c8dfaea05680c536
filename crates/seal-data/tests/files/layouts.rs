//! The layouts that fine-tuning programs document: each row of `layouts.jsonl` is used
//! as it says, or left out for the reason that it says; a field that is not used is
//! named. The rows and what is expected of them were written by hand.

use std::collections::{BTreeMap, BTreeSet};

use seal_data::{DropReason, EmptyAnswers, Loaded, Row, Source, Speaker, Turn, write_jsonl};
use serde::Deserialize;
use serde_json::Value;

use crate::tools::load;

/// A row and its fate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Who documents it.
    of: String,
    row: Value,
    /// The row as [`shown`] shows it.
    #[serde(rename = "use")]
    used: Option<String>,
    /// Why it is left out.
    left: Option<String>,
    /// Fields that are named as not used, of the rows beside too.
    #[serde(default)]
    unused: BTreeSet<String>,
    /// Options of the source.
    #[serde(default)]
    options: toml::Table,
}

fn cases() -> Vec<(String, Case)> {
    let lines = include_str!("layouts.jsonl").lines();
    lines.map(|line| (line.to_owned(), serde_json::from_str(line).unwrap())).collect()
}

/// The row as text of the file: the order of its fields is that of the file.
fn text(line: &str) -> &str {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        row: &'a serde_json::value::RawValue,
    }
    serde_json::from_str::<Raw<'_>>(line).unwrap().row.get()
}

/// Turns by the first letters of their roles, `!` where no loss is taken, names of
/// what else they have in brackets; the answer behind `->`, the one that loses behind
/// `not`, label and category in round brackets.
fn shown(row: &Row) -> String {
    let extras = |turn: &Turn| match turn.extras.is_empty() {
        true => String::new(),
        false => format!("[{}]", turn.extras.keys().cloned().collect::<Vec<_>>().join(" ")),
    };
    let turn = |turn: &Turn| {
        let masked = turn.role == Speaker::Assistant && !turn.trained;
        let mask = if masked { "!" } else { "" };
        format!("{}{}{mask}: {}", &turn.role.name()[..1], extras(turn), turn.content)
    };
    let answer = match extras(&row.answer()) {
        none if none.is_empty() => row.response.clone(),
        some => format!("{some} {}", row.response),
    };
    let said: Vec<String> = row.messages().iter().map(turn).collect();
    let tools = if row.tools.is_some() { "{tools} " } else { "" };
    let rejected = row.rejected.as_ref().map(|r| format!(" not {r}")).unwrap_or_default();
    let label = row.is_unsafe.map(|u| if u { "unsafe" } else { "safe" }.to_owned());
    let beside: Vec<String> = label.into_iter().chain(row.category.clone()).collect();
    let beside = match beside.is_empty() {
        true => String::new(),
        false => format!(" ({})", beside.join(", ")),
    };
    format!("{tools}{} -> {answer}{rejected}{beside}", said.join(", "))
}

fn read(case: &Case, rows: &[&str]) -> Loaded {
    try_read(case, rows).unwrap_or_else(|e| panic!("{}: {e}", case.of))
}

fn try_read(case: &Case, rows: &[&str]) -> Result<Loaded, String> {
    let file = rows.join("\n");
    load("a.jsonl", file.as_bytes(), |source: &mut Source| {
        let mut options = case.options.clone();
        options.insert("path".into(), "a.jsonl".into());
        *source = options.try_into().unwrap();
    })
}

/// What became of the row that stands first in its file.
fn outcome_of(loaded: &Loaded) -> Result<String, String> {
    let first = |id: &seal_data::RowId| loaded.places[id].row == 1;
    match loaded.rows.as_slice().iter().find(|row| first(&row.id)) {
        Some(row) => Ok(shown(row)),
        None => {
            let dropped = loaded.dropped.iter().find(|row| row.row == 1);
            let reason = dropped.expect("a row is used or listed").reason;
            Err(serde_json::to_value(reason).unwrap().as_str().unwrap().to_owned())
        }
    }
}

/// Rows that any of the layouts below may stand beside, so that no file is without one.
const OTHERS: [&str; 2] = [
    r#"{"messages": [{"role": "user", "content": "beside"}, {"role": "assistant", "content": "it"}], "harm": 0, "label": true}"#,
    r#"{"prompt": "beside", "response": "it", "harm": 0, "label": true}"#,
];

#[test]
fn every_documented_layout_is_used_or_counted() {
    let (mut wrong, mut n) = (Vec::new(), 0);
    for (line, case) in cases() {
        let mut rows = vec![text(&line)];
        rows.extend(OTHERS);
        n += 1;
        let loaded = match (try_read(&case, &rows), &case.left) {
            (Ok(loaded), _) => loaded,
            // No row of its layout is left, which is an error that says why.
            (Err(error), Some(left)) => {
                let reason: DropReason = serde_json::from_value(left.clone().into()).unwrap();
                if !error.contains(&format!(" as {reason}")) {
                    wrong.push(format!("{}: {error}\n  not {left}", case.of));
                }
                continue;
            }
            (Err(error), None) => panic!("{}: {error}", case.of),
        };
        let expected = match (&case.used, &case.left) {
            (Some(used), None) => Ok(used.clone()),
            (None, Some(left)) => Err(left.clone()),
            _ => panic!("{}: used or left out", case.of),
        };
        let found = outcome_of(&loaded);
        let unused: BTreeSet<String> = loaded.unused.iter().map(|u| u.field.clone()).collect();
        // Of the rows beside, which have no text to lose but the label of harm.
        let unused = match case.used {
            Some(_) => unused.into_iter().filter(|f| f != "harm").collect(),
            None => BTreeSet::new(),
        };
        let other = &case.of;
        if found != expected || unused != case.unused {
            wrong.push(format!(
                "{other}: {found:?} {unused:?}\n  not {expected:?} {:?}",
                case.unused
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {n}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(n >= 150, "{n}");
}

/// No row of any layout, at any place of a file of another one, stops the file.
#[test]
fn an_odd_row_stops_no_file() {
    let cases = cases();
    let good = |i: usize| format!("{{\"prompt\": \"q{i}\", \"response\": \"r{i}\"}}");
    let all: Vec<String> = (0..40).map(good).collect();
    for (line, case) in &cases {
        for place in [0, 7, 40] {
            let mut rows: Vec<&str> = all.iter().map(String::as_str).collect();
            rows.insert(place, text(line));
            let plain = Case { options: toml::Table::new(), ..copy(case) };
            let loaded = read(&plain, &rows);
            assert_eq!(loaded.rows.len() + loaded.dropped.len(), 41, "{}", case.of);
            assert!(loaded.rows.len() >= 40, "{} at {place}: {:?}", case.of, loaded.dropped);
        }
    }
}

fn copy(case: &Case) -> Case {
    Case {
        of: case.of.clone(),
        row: case.row.clone(),
        used: None,
        left: None,
        unused: BTreeSet::new(),
        options: case.options.clone(),
    }
}

/// What is written and read again is the row: text, turns, masks, tools and ids.
#[test]
fn rows_of_every_layout_survive_being_written() {
    let mut layouts: BTreeMap<String, usize> = BTreeMap::new();
    for (line, case) in cases().iter().filter(|(_, case)| case.used.is_some()) {
        let mut rows = vec![text(line)];
        rows.extend(OTHERS);
        let loaded = read(case, &rows);
        let rows = loaded.rows.as_slice();
        let mut bytes = Vec::new();
        write_jsonl(&mut bytes, rows).unwrap();
        let again = load("b.jsonl", &bytes, |s| s.empty_answers = EmptyAnswers::Keep).unwrap();
        assert_eq!(again.rows.as_slice(), rows, "{}", case.of);
        assert_eq!(again.unused, [], "{}", case.of);
        *layouts.entry(case.of.clone()).or_default() += 1;
    }
    assert!(layouts.len() > 50);
}
