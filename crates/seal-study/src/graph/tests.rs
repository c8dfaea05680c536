//! Which stages are made again when one thing changes: too few would show old figures as new
//! ones, too many cost hours.

use std::collections::{BTreeMap, BTreeSet};

use seal_judge::{GuardKind, GuardSettings, JudgeKind, JudgeSettings};
use toml::{Table, Value};

use super::*;
use crate::StudyError;
use crate::config::{ConfigSource, load};

/// A small world in which every kind of selection has an arm.
const SMALL: [&str; 13] = [
    "study.plan=none",
    "study.seeds=[0, 1]",
    "world.rows=60",
    "world.safe_rows=40",
    "world.safeinstr_rows=20",
    "world.base_tasks=60",
    "world.base_talk=30",
    "world.base_refusals=60",
    "world.hh=20",
    "world.slimorca=20",
    "world.hexphi_per_category=2",
    "sft.lora={ r = 2, lora_alpha = 4.0, lora_dropout = 0.0, target_modules = [\"all-linear\"] }",
    "proxy.model={ hidden_size = 32, num_hidden_layers = 1, num_attention_heads = 2, \
     num_key_value_heads = 2, intermediate_size = 32, max_position_embeddings = 32 }",
];

/// Keys of all nodes, by stage.
pub(super) type Keys = BTreeMap<&'static str, Vec<String>>;

pub(super) fn loaded(more: &[String]) -> Result<Vec<Arm>, StudyError> {
    let small = SMALL.iter().map(|text| (*text).to_owned());
    let set = small.chain(more.iter().cloned()).collect();
    let loaded = load(&ConfigSource { set, ..Default::default() })?;
    let mut arms = crate::arm::arms(&loaded)?;
    crate::arm::find_models(&mut arms)?;
    Ok(arms)
}

fn keys_of(arms: &[Arm], sets: &ArmSets) -> Keys {
    let mut keys = Keys::new();
    let judges = Judges::of(&arms[0].config, &Default::default()).unwrap();
    let judging = Judging::new(&judges, Path::new(""), &Silent);
    for node in graph(arms, sets, &arms[0].config.study.seeds, &judging).nodes {
        keys.entry(node.stage).or_default().push(node.key.to_string());
    }
    keys
}

pub(super) fn keys(more: &[String]) -> Result<Keys, StudyError> {
    let arms = loaded(more)?;
    let sets = ArmSets::of(&arms)?;
    Ok(keys_of(&arms, &sets))
}

/// The stages of which a key is new.
fn changed(before: &Keys, after: &Keys) -> String {
    let order =
        ["base", "scores", "selector", "selection", "sft", "answers", "base-nll", "verdicts"];
    let order = ["tokenizer", "tokens"].into_iter().chain(order);
    let is_new = |stage: &&str| {
        let old: BTreeSet<&String> = before.get(*stage).into_iter().flatten().collect();
        after.get(*stage).into_iter().flatten().any(|key| !old.contains(key))
    };
    let new: Vec<&str> = order.filter(is_new).collect();
    if new.is_empty() { "nothing".to_owned() } else { new.join(" ") }
}

/// Each key of a resolved config, with its value.
fn leaves(table: &Table, above: &str, out: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Table(below) => leaves(below, &path, out),
            other => out.push((path, other.clone())),
        }
    }
}

/// Another value of a key that the config takes.
fn another(key: &str, value: &Value) -> Option<String> {
    let text = match key {
        // Half of them would be no shape or share.
        "model.hidden_size" | "proxy.model.hidden_size" => "16",
        "model.num_attention_heads" => "8",
        "model.num_key_value_heads" | "proxy.model.num_key_value_heads" => "1",
        "proxy.model.num_attention_heads" => "4",
        "model.vocab_size" | "proxy.model.vocab_size" => return None,
        "world.harm_kinds" => "3",
        "world.low_quality_share" | "sft.lora.lora_dropout" => "0.1",
        "selection.unsafe_dose" => return None,
        "selection.guard.kind" => return None,
        "sft.lora.target_modules" => "[\"q_proj\"]",
        // A kind needs lists of its own: see `what_the_rows_say_reaches_what_reads_it`.
        "judge.hexphi.kind" | "judge.hh.kind" | "judge.slimorca.kind" => return None,
        "study.seeds" => "[0, 2]",
        "study.plan" => return None,
        "study.name" => "another",
        "device" => "tch",
        "tokenizer.kind" => return None,
        "tokenizer.template" => "say {}",
        "bilevel.algorithm" => "algorithm-1",
        "bilevel.selector" => "tanh",
        "bilevel.normalise" => "mean",
        "bilevel.gamma.per" => "step",
        "selection.method" => "random",
        "selection.append" => "safe",
        "bilevel.optim.schedule" | "sft.optim.schedule" | "base.optim.schedule" => "cosine",
        "bilevel.optim.betas" | "sft.optim.betas" | "base.optim.betas" => "[0.8, 0.9]",
        _ => {
            return Some(match value {
                Value::Integer(n) => (n + 1).to_string(),
                Value::Float(x) if *x == 0.0 => "0.001".to_owned(),
                Value::Float(x) => format!("{}", x * 0.9),
                Value::Boolean(b) => (!b).to_string(),
                other => panic!("{key} = {other}: say here what else it may be"),
            });
        }
    };
    Some(text.to_owned())
}

/// Keys that are not there unless set, and others that go with one another.
const UNSET: [&str; 18] = [
    "device=flex:1",
    "device=[\"flex:0\", \"flex:1\"]",
    "device=[\"flex\"]",
    "device=cuda:*",
    "device_memory=80.0",
    "bilevel.rate=0.01",
    "bilevel.micro_batch=2",
    "bilevel.recompute=true",
    "sft.micro_batch=2",
    "sft.recompute=true",
    "generate.top_k=3",
    "generate.temperature=0.5",
    "study.limit=10",
    "study.quick=true",
    "judge.hh.tie=0.5",
    "judge.hh={ kind = \"rules\", refusals = [\"no\"] }",
    "selection.guard={ kind = \"rules\", words = [\"a\"] }",
    "proxy.tokenizer={ kind = \"bpe\", vocab_size = 300, template = \"{}:\" }",
];

#[test]
fn which_stages_each_key_of_a_config_reaches() {
    let before = keys(&[]).unwrap();
    let config = &loaded(&[]).unwrap()[0].config;
    let resolved: Table = toml::from_str(&config.resolved_toml().unwrap()).unwrap();
    let mut all = Vec::new();
    leaves(&resolved, "", &mut all);
    let lists = |key: &str| ["arms", "bindings", "metrics", "quick", "trade_off"].contains(&key);
    all.retain(|(key, _)| !lists(key.split('.').next().unwrap()));
    let set = all.iter().filter_map(|(key, value)| Some(format!("{key}={}", another(key, value)?)));
    let mut reached = String::new();
    for text in set.chain(UNSET.map(str::to_owned)) {
        let after = keys(std::slice::from_ref(&text)).unwrap_or_else(|e| panic!("{text}: {e}"));
        reached.push_str(&format!("{text}: {}\n", changed(&before, &after)));
    }
    insta::assert_snapshot!("reached", reached);
}

/// The sets of the small world with something of their rows changed.
fn with(change: impl Fn(&mut seal_data::Row)) -> Sets {
    let arms = loaded(&[]).unwrap();
    let mut sets = Sets::of(&arms[0].config).unwrap();
    sets.data.iter_mut().for_each(&change);
    sets.tests.values_mut().flatten().for_each(&change);
    sets
}

/// What is redone where tests are judged by `kind`, guards are of `guard`, and rows change.
fn redone(kind: JudgeKind, guard: GuardKind, change: impl Fn(&mut seal_data::Row)) -> String {
    let mut arms = loaded(&[]).unwrap();
    let words = |kind: GuardKind| match kind {
        GuardKind::Rules => vec!["a".to_owned()],
        GuardKind::Oracle => vec![],
    };
    for arm in &mut arms {
        for judge in arm.config.judge.values_mut() {
            *judge = JudgeSettings::new(kind).into();
        }
        let settings = GuardSettings { kind: guard, words: words(guard), refusals: vec![] };
        arm.config.selection.guard = Some(settings);
        if arm.id == "random" {
            arm.config.selection.method = Method::Guard;
        }
        if arm.id == "no-unsafe" {
            arm.config.selection.method = Method::All;
        }
    }
    let of = |sets: Sets| {
        let known = Shared::new(KeyedSets::from(sets));
        keys_of(&arms, &ArmSets { by_arm: vec![known; arms.len()] })
    };
    changed(&of(with(|_| ())), &of(with(change)))
}

#[test]
fn what_the_rows_say_reaches_what_reads_it() {
    use GuardKind::{Oracle, Rules};
    let label = |row: &mut seal_data::Row| row.is_unsafe = row.is_unsafe.map(|is| !is);
    let category = |row: &mut seal_data::Row| row.category = Some("another".into());
    let rejected = |row: &mut seal_data::Row| row.rejected = Some("another".into());
    // The oracle and the rules read labels where they judge; a guard of words never does.
    assert_eq!(redone(JudgeKind::Oracle, Rules, label), "verdicts");
    assert_eq!(redone(JudgeKind::Rules, Rules, label), "verdicts");
    assert_eq!(redone(JudgeKind::RefusalMargin, Rules, label), "nothing");
    assert_eq!(redone(JudgeKind::AnswerLikelihood, Rules, label), "nothing");
    assert_eq!(redone(JudgeKind::RefusalMargin, Oracle, label), "selection sft answers verdicts");
    assert_eq!(redone(JudgeKind::RefusalMargin, Rules, category), "verdicts");
    assert_eq!(redone(JudgeKind::PreferenceMargin, Rules, rejected), "tokens answers verdicts");
    assert_eq!(redone(JudgeKind::AnswerLikelihood, Rules, rejected), "nothing");
    // Whatever else a row has counts as its text.
    let history = |row: &mut seal_data::Row| {
        row.history.push(seal_data::Turn::new(seal_data::Speaker::System, "s"));
    };
    assert_eq!(
        redone(JudgeKind::RefusalMargin, Rules, history),
        "tokens scores selector selection sft answers verdicts"
    );
}

#[test]
fn settings_of_generation_reach_tests_whose_answers_are_read() {
    let redone = |kind: JudgeKind| {
        let keys = |tokens: usize| {
            let mut arms = loaded(&[]).unwrap();
            for arm in &mut arms {
                arm.config.generate.max_new_tokens = tokens;
                arm.config.judge.values_mut().for_each(|j| *j = JudgeSettings::new(kind).into());
            }
            let known = Shared::new(KeyedSets::from(with(|_| ())));
            keys_of(&arms, &ArmSets { by_arm: vec![known; arms.len()] })
        };
        changed(&keys(4), &keys(5))
    };
    assert_eq!(redone(JudgeKind::Oracle), "answers verdicts");
    assert_eq!(redone(JudgeKind::RefusalMargin), "nothing");
}

/// A template counts by its text, that of a proxy too, wherever its file lies.
#[test]
fn templates_count_by_their_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let keys_with = |own: &str, of_the_proxy: &str| {
        let table = |path: &str| format!("{{ chat = '{path}' }}");
        keys(&[
            format!("tokenizer.template={}", table(own)),
            format!(
                "proxy.tokenizer={{ kind = \"bpe\", vocab_size = 300, template = {} }}",
                table(of_the_proxy)
            ),
        ])
        .unwrap()
    };
    let (own, of_the_proxy) = (file("own.jinja", "a"), file("proxy.jinja", "a"));
    let before = keys_with(&own, &of_the_proxy);
    let moved = file("moved.jinja", "a");
    assert_eq!(changed(&before, &keys_with(&moved, &moved)), "nothing");
    file("proxy.jinja", "b");
    let of_proxy = keys_with(&own, &of_the_proxy);
    let all = "tokens base scores selector selection sft answers verdicts";
    assert_eq!(changed(&before, &of_proxy), all);
    file("own.jinja", "b");
    let of_own = keys_with(&own, &of_the_proxy);
    assert_eq!(changed(&of_proxy, &of_own), "tokens base scores selection sft answers verdicts");
}

/// Stages of many arms are listed in a time that grows with their number.
#[test]
fn arms_hold_no_copies_of_each_other() {
    let arms = |n: usize| {
        let mut text = crate::BUILT_IN.to_owned();
        for i in 0..n {
            text.push_str(&format!(
                "\n[[arms]]\nid = \"more-{i}\"\nlabel = \"more\"\nrole = \"control\"\n\
                 set = {{ \"selection.keep\" = 0.5 }}\n"
            ));
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("study.toml");
        std::fs::write(&file, text).unwrap();
        let source = ConfigSource { file: Some(file), ..Default::default() };
        crate::arm::arms(&load(&source).unwrap()).unwrap()
    };
    for arm in arms(50) {
        let c = &arm.config;
        assert!(c.arms.is_empty() && c.bindings.is_empty() && c.metrics.is_empty());
    }
}
