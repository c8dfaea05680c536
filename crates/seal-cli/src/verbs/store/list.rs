//! `seal store ls` and `seal store du`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::SystemTime;

use seal_store::{Inventory, OtherFolderKind};

use super::runs::Used;
use super::size;
use crate::plain;
use crate::table::{self, Align};

/// Lists entries, claims and what is damaged. `used` are the outputs that runs use. `over` are the
/// claims whose process has ended.
pub(super) fn entries(
    inventory: &Inventory,
    used: &[Used],
    over: &BTreeSet<String>,
) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "an age is part of no result")]
    let now = SystemTime::now();
    let mut rows = Vec::new();
    for entry in &inventory.entries {
        let output = format!("{}-{}", entry.stage, entry.key);
        let users: Vec<&str> = used
            .iter()
            .filter(|(_, outputs)| outputs.contains(&output))
            .map(|(name, _)| name.as_str())
            .collect();
        // A time in the future is of another host's clock.
        let age = entry.made.and_then(|made| now.duration_since(made).ok());
        rows.push(vec![
            entry.stage.clone(),
            entry.key.clone(),
            size(entry.bytes),
            age.map_or_else(|| "?".to_owned(), |age| age_of(age.as_secs())),
            users.join(", "),
            entry.damage.as_ref().map_or_else(String::new, |d| format!("damaged: {}", d.flaw)),
        ]);
    }
    let headings = table::headings(&[
        ("stage", Align::Left),
        ("key", Align::Left),
        ("size", Align::Right),
        ("age", Align::Right),
        ("used by", Align::Left),
        ("", Align::Left),
    ]);
    let mut out = plain::stdout();
    table::write(&mut out, &headings, &rows)?;
    for (output, holder) in &inventory.claims {
        let who = match holder {
            Ok(holder) => format!("process {} on {}", holder.process, holder.host),
            Err(flaw) => flaw.to_string(),
        };
        match over.contains(output) {
            true => writeln!(out, "not finished: {output}, whose process has ended ({who})")?,
            false => writeln!(out, "claimed: {output} ({who})")?,
        }
    }
    let of = |kind| inventory.others.iter().filter(move |other| other.kind == kind).count();
    for (kind, words) in [
        (OtherFolderKind::Unfinished, "outputs with finished parts of a run that was stopped"),
        (OtherFolderKind::Damaged, "damaged outputs that were set aside"),
    ] {
        match of(kind) {
            0 => {}
            count => writeln!(out, "{count} {words}")?,
        }
    }
    Ok(())
}

/// Counts by stage, and what else needs room.
pub(super) fn sums(inventory: &Inventory) -> anyhow::Result<()> {
    let mut stages: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for entry in &inventory.entries {
        let sum = stages.entry(&entry.stage).or_default();
        *sum = (sum.0 + 1, sum.1 + entry.bytes);
    }
    let mut others: BTreeMap<OtherFolderKind, (usize, u64)> = BTreeMap::new();
    for other in &inventory.others {
        let sum = others.entry(other.kind).or_default();
        *sum = (sum.0 + 1, sum.1 + other.bytes);
    }
    let row =
        |name: String, (count, bytes): (usize, u64)| vec![name, count.to_string(), size(bytes)];
    let mut rows: Vec<Vec<String>> =
        stages.iter().map(|(stage, sum)| row((*stage).to_owned(), *sum)).collect();
    let words = |kind: &OtherFolderKind| match kind {
        OtherFolderKind::Scratch => "(being made)",
        OtherFolderKind::Unfinished => "(finished parts)",
        OtherFolderKind::Damaged => "(damaged)",
        OtherFolderKind::Lasting => "(replies of judges)",
    };
    rows.extend(others.iter().map(|(kind, sum)| row(words(kind).to_owned(), *sum)));
    let all = stages.values().chain(others.values());
    rows.push(row("total".to_owned(), all.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))));
    let headings = table::headings(&[
        ("stage", Align::Left),
        ("outputs", Align::Right),
        ("size", Align::Right),
    ]);
    Ok(table::write(&mut plain::stdout(), &headings, &rows)?)
}

/// The largest whole unit.
fn age_of(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_largest_whole_unit() {
        let ages = [0, 59, 60, 3599, 3600, 86_399, 86_400, 31 * 86_400].map(age_of);
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "31 d"]);
    }
}
