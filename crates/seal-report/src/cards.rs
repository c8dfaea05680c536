//! Cards for what a study exports: a model with its kept rows. Model hubs read the head of a card.
//!
//! A card has figures of one cell, as they are stored. It says nothing of licences: the study does not
//! know those of its base and of its rows.

use serde_json::json;

use crate::markdown::{escape, fenced};
use crate::text::visible;
use crate::{Arm, Cell, Report, Role, WinRate, number, view};

/// What the results do not say of a model and of its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardFacts {
    /// The base as the settings name it: an address of a hub, or a path; `None` where the study
    /// trained it from scratch.
    pub base: Option<String>,
    /// Whether the study fine-tuned the base first: the model is then on what became of it.
    pub is_aligned: bool,
    /// Whether the model is an adapter on the base, and not whole weights.
    pub is_adapter: bool,
    /// Files of each set of rows, as the settings name them; empty for built-in rows.
    pub sources: Vec<(String, Vec<String>)>,
}

impl CardFacts {
    /// The base as a hub names it (`owner/name`): an address without its prefix and revision. The base
    /// of an adapter on an aligned base is on no hub.
    fn hub_name(&self) -> Option<&str> {
        if self.is_aligned && self.is_adapter {
            return None;
        }
        let address = self.base.as_deref()?.strip_prefix("hf://")?;
        Some(address.split('@').next().unwrap_or(address))
    }
}

impl Report {
    /// The card of the model of an arm with one seed; `None` where the study has no such cell.
    pub fn model_card(&self, arm: &str, seed: u64, facts: &CardFacts) -> Option<String> {
        let (arm, cell) = self.cell(arm, seed)?;
        let mut card = String::from("---\nlicense: unknown\n");
        if let Some(base) = facts.hub_name() {
            // JSON text is YAML text, whatever signs the name holds.
            add(&mut card, &format!("base_model: {}\n", json!(base)));
        }
        let library = if facts.is_adapter { "peft" } else { "transformers" };
        add(&mut card, &format!("library_name: {library}\npipeline_tag: text-generation\n"));
        add(&mut card, "tags:\n- data-selection\n- safety\n---\n\n");
        self.opening(&mut card, arm, seed, "A model");
        let base = facts.base.as_deref().unwrap_or("a small model that the study trained");
        let form = if facts.is_adapter { "an adapter on" } else { "fine-tuned whole from" };
        let aligned = match facts.is_aligned {
            true => "the aligned base of the study, which was fine-tuned first from ",
            false => "",
        };
        add(&mut card, &format!("It is {form} {aligned}{}.\n\n", escape(base)));
        self.method(&mut card, arm, cell);
        self.figures(&mut card, arm, cell);
        self.data(&mut card, facts);
        add(
            &mut card,
            "## Limits\n\nThe figures are of one seed and of these tests. Another seed moves them. A \
             judge can err, and a low harm rate on these prompts does not make a model safe.\n\n",
        );
        licence(&mut card, "The licence of the base, and those of the rows, bind this model.");
        self.made_by(&mut card);
        Some(finished(card))
    }

    /// The card of the rows that an arm with one seed kept; `None` where it has no such cell, or the
    /// cell keeps all rows.
    pub fn data_card(&self, arm: &str, seed: u64, facts: &CardFacts) -> Option<String> {
        let (arm, cell) = self.cell(arm, seed)?;
        cell.selection.as_ref()?;
        let mut card = String::from(
            "---\nlicense: unknown\ntask_categories:\n- text-generation\ntags:\n- data-selection\n\
             configs:\n- config_name: default\n  data_files: kept.jsonl\n---\n\n",
        );
        self.opening(&mut card, arm, seed, "The rows that were kept");
        add(
            &mut card,
            "`kept.jsonl` has one row a line, best rank first: `id`, `rank`, `messages`, and `omega` \
             and `p` where rows were scored. `dropped.jsonl` has the ids of the other rows, and none \
             of their texts.\n\n",
        );
        self.method(&mut card, arm, cell);
        self.data(&mut card, facts);
        add(
            &mut card,
            "## Limits\n\nSelection leaves unsafe rows among the kept ones. Look at them before you \
             publish.\n\n",
        );
        licence(&mut card, "The licences of the rows bind this selection of them.");
        self.made_by(&mut card);
        Some(finished(card))
    }

    fn cell(&self, arm: &str, seed: u64) -> Option<(&Arm, &Cell)> {
        let arm = self.results.arm(arm)?;
        Some((arm, arm.cells.iter().find(|cell| cell.seed == seed)?))
    }

    fn opening(&self, card: &mut String, arm: &Arm, seed: u64, what: &str) {
        let (label, study) = (escape(&arm.label), escape(&self.results.study));
        add(card, &format!("# {study}: {label}, seed {seed}\n\n"));
        if self.results.quick {
            add(
                card,
                "> **No result: quick run.** It shows that the program runs, nothing else.\n\n",
            );
        }
        let role = match arm.role {
            Role::Reference => "It uses all rows, and win rates are against it.",
            Role::Seal => "It is SEAL: a selector weighs the rows so that the model stays safe.",
            Role::Ablation => "It is SEAL with one part replaced.",
            Role::Control | Role::Ceiling | Role::Random => "It is a control.",
        };
        add(card, &format!("{what} of the study {study}, arm {label}. {role}\n\n"));
    }

    fn method(&self, card: &mut String, arm: &Arm, cell: &Cell) {
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let (Some(part), Some(replacement)) = (&arm.ablated_part, &arm.replacement) {
            rows.push(("replaced part", format!("{}: {}", escape(part), escape(replacement))));
        }
        if let Some(selector) = &arm.selector {
            rows.push(("selector function", escape(selector)));
        }
        if let Some(gamma) = &arm.gamma {
            let each: Vec<String> = gamma.iter().map(f64::to_string).collect();
            rows.push(("penalty strength of each epoch", each.join(", ")));
        }
        if let Some(ranking) = &cell.selection {
            let percent = |share| number::share(share) + " %";
            let three = |value| number::fixed(value, 3);
            for (name, value) in [
                ("rows kept", ranking.keep_fraction.map(percent)),
                ("unsafe rows kept", ranking.unsafe_kept.map(percent)),
                ("least that any ranking keeps", ranking.unsafe_kept_floor.map(percent)),
                ("AUROC of the ranking", ranking.auroc.map(three)),
            ] {
                rows.extend(value.map(|value| (name, value)));
            }
        }
        if !rows.is_empty() {
            add(card, "## Selection\n\n| | |\n|---|--:|\n");
            rows.iter().for_each(|(name, value)| add(card, &format!("| {name} | {value} |\n")));
            add(card, "\n");
        }
    }

    fn figures(&self, card: &mut String, arm: &Arm, cell: &Cell) {
        let against = escape(view::reference_label(&self.results));
        add(
            card,
            &format!(
                "## Figures\n\nWin rates are against {against} with the same seed, in percent. "
            ),
        );
        add(card, "The interval is of the arm over all seeds.\n\n");
        add(card, "| test | judge | win rate | arm | accuracy | refusal | over-refusal | harm |\n");
        add(card, "|---|---|--:|--:|--:|--:|--:|--:|\n");
        for test in view::order_tests(cell.win_rate.keys().map(String::as_str)) {
            let judge = self.results.judge.get(test).map_or(number::ABSENT, String::as_str);
            let mean = |rate: &WinRate| number::or_absent(rate.mean, number::percent);
            let own = cell.win_rate.get(test).map_or_else(|| number::ABSENT.to_owned(), mean);
            let whole = arm.win_rate.get(test).map(|rate| view::win_text(arm, rate));
            let rates = [&cell.accuracy, &cell.refusal, &cell.over_refusal, &cell.harm];
            let rates = rates.map(|rate| number::or_absent(rate.get(test).copied(), number::share));
            add(
                card,
                &format!(
                    "| {} | {} | {own} | {} | {} |\n",
                    escape(&view::test_title(&self.results, test)),
                    escape(judge),
                    whole.unwrap_or_else(|| number::ABSENT.to_owned()),
                    rates.join(" | ")
                ),
            );
        }
        add(card, "\n");
        // The marks of `view::win_text`.
        let marks = [
            ('†', "†: an interval over new prompts only.\n\n"),
            ('‡', "‡: verdicts are missing, and are no part of the win rate.\n\n"),
        ];
        for (mark, note) in marks {
            if card.contains(mark) {
                add(card, note);
            }
        }
        let mut failed = view::distrusted(&self.results).into_iter();
        if failed.any(|test| cell.win_rate.contains_key(test)) {
            let note = view::distrust_note(&self.results).unwrap_or_default();
            add(card, &format!("{note}\n\n"));
        }
    }

    fn data(&self, card: &mut String, facts: &CardFacts) {
        add(card, "## Data\n\n| set | rows | unsafe | hash of the row ids |\n|---|--:|--:|---|\n");
        for (name, split) in &self.results.data.splits {
            let unsafe_rows = split.unsafe_rows.map_or_else(|| "unknown".to_owned(), number::count);
            let rows = number::count(split.rows);
            let hash = escape(&split.ids_hash);
            add(card, &format!("| {} | {rows} | {unsafe_rows} | {hash} |\n", escape(name)));
        }
        add(card, "\n");
        for (set, files) in &facts.sources {
            let files: Vec<String> = files.iter().map(|file| escape(file)).collect();
            add(card, &format!("- {}: {}\n", escape(set), view::list(&files)));
        }
        if !facts.sources.is_empty() {
            add(card, "\n");
        }
    }

    fn made_by(&self, card: &mut String) {
        let Some(provenance) = self.provenance.as_ref().filter(|p| !p.command.is_empty()) else {
            return;
        };
        add(card, "## How it was made\n\n");
        add(card, &fenced("sh", &provenance.command));
    }
}

fn licence(card: &mut String, what: &str) {
    add(card, &format!("## Licence\n\n{what} Name them here and in the head of this file.\n\n"));
}

fn add(card: &mut String, text: &str) {
    card.push_str(text);
}

fn finished(mut card: String) -> String {
    card.truncate(card.trim_end().len());
    card.push('\n');
    visible(card)
}
