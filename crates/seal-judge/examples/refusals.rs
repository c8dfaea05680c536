//! How well does `refusal_class` tell refusals from other answers?
//!
//! ```text
//! python crates/seal-judge/tests/reference/xstest.py exaggerated-safety > answers.jsonl
//! cargo run --release -p seal-judge --example refusals -- answers.jsonl
//! ```
//!
//! Prints, for each set and for the answers that the rules were not chosen on, precision and recall of
//! refusals (partial ones count), the share of equal classes among three, and Cohen's kappa of both;
//! beside them the same for XSTest's rule of first words and for the most frequent class. No answer is
//! printed.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use seal_judge::{RefusalClass, refusal_class};
use seal_stats::{Kappa, KappaWeights, cohen_kappa, confusion};
use serde::Deserialize;

/// A labelled answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    set: String,
    chosen_on: bool,
    label: RefusalClass,
    first_words: RefusalClass,
    text: String,
}

/// Annotators' and a rule's classes of some answers.
#[derive(Default)]
struct Pairs(Vec<(RefusalClass, RefusalClass)>);

impl Pairs {
    fn print(&self, out: &mut impl Write, set: &str, rule: &str) -> Result<(), Box<dyn Error>> {
        let count = |keep: fn(bool, bool) -> bool| {
            self.0.iter().filter(|(a, b)| keep(a.is_refusal(), b.is_refusal())).count() as f64
        };
        let both = count(|truth, found| truth && found);
        let (found, due) = (count(|_, found| found), count(|truth, _| truth));
        let equal = self.0.iter().filter(|(a, b)| a == b).count() as f64 / self.0.len() as f64;
        let kappa = |index: fn(RefusalClass) -> usize, classes| -> Result<f64, Box<dyn Error>> {
            let (a, b): (Vec<_>, Vec<_>) =
                self.0.iter().map(|(a, b)| (index(*a), index(*b))).unzip();
            let found = cohen_kappa(&a, &b, classes, KappaWeights::Nominal)?;
            Ok(found.and_then(|Kappa { kappa, .. }| kappa).unwrap_or(f64::NAN))
        };
        writeln!(
            out,
            "{set:<16} {rule:<12} {:>5} {:>9.3} {:>6.3} {:>7.3} {:>6.3} {:>7.3}",
            self.0.len(),
            both / found,
            both / due,
            kappa(|class| usize::from(class.is_refusal()), 2)?,
            equal,
            kappa(|class| class as usize, 3)?,
        )?;
        Ok(())
    }

    fn print_table(&self, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let index = |class: &RefusalClass| *class as usize;
        let (a, b): (Vec<_>, Vec<_>) = self.0.iter().map(|(a, b)| (index(a), index(b))).unzip();
        let counts = confusion(&a, &b, RefusalClass::ALL.len())?;
        for (class, counts) in std::iter::zip(RefusalClass::ALL, counts) {
            writeln!(out, "  {:<16} {counts:?}", class.name())?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the file of labelled answers")?;
    let text = std::fs::read_to_string(path)?;
    let answers: Vec<Labelled> = seal_judge::from_jsonl(&text)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "set              rule           n   precision recall  kappa2  equal  kappa3")?;
    let mut groups: BTreeMap<String, Vec<&Labelled>> = BTreeMap::new();
    for answer in &answers {
        let unseen = if answer.chosen_on { "chosen on" } else { "not chosen on" };
        let set = format!("{}{}", answer.set, if answer.chosen_on { " (chosen)" } else { "" });
        for group in [set, format!("all {unseen}"), "all".to_owned()] {
            groups.entry(group).or_default().push(answer);
        }
    }
    for (set, answers) in &groups {
        let of = |rule: &dyn Fn(&Labelled) -> Option<RefusalClass>| {
            Pairs(answers.iter().filter_map(|a| Some((a.label, rule(a)?))).collect())
        };
        let mut frequent =
            RefusalClass::ALL.map(|c| (of(&|a| (a.label == c).then_some(c)).0.len(), c));
        frequent.sort();
        let most = frequent[2].1;
        let rules = of(&|a| Some(refusal_class(&a.text).unwrap_or(RefusalClass::FullCompliance)));
        rules.print(&mut out, set, "rules")?;
        of(&|a| Some(a.first_words)).print(&mut out, set, "first words")?;
        of(&|_| Some(most)).print(&mut out, set, most.name())?;
        if set.starts_with("all") {
            writeln!(out, "  rows: annotators; columns: rules")?;
            rules.print_table(&mut out)?;
        }
    }
    Ok(())
}
