//! Rows with earlier turns, pairs, and fields of other names.

use seal_data::{Columns, DropReason, EmptyAnswers, Format, Loaded, PromptTurns, Source};
use serde_json::{Value, json};

use crate::tools::{load, plain, texts};

fn lines(rows: &[Value], change: impl Fn(&mut Source)) -> Result<Loaded, String> {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    load("a.jsonl", text.as_bytes(), change)
}

/// Turns as `s: ..., u: ..., a: ...`, the answer after `->`.
fn shown(loaded: &Loaded) -> Vec<String> {
    let row = |row: &seal_data::Row| {
        let turns: Vec<String> = row
            .messages()
            .iter()
            .map(|turn| format!("{}: {}", &turn.role.name()[..1], turn.content))
            .collect();
        format!("{} -> {}", turns.join(", "), row.response)
    };
    loaded.rows.as_slice().iter().map(row).collect()
}

fn one(row: Value) -> String {
    let loaded = lines(&[row], |_| {}).unwrap();
    assert_eq!(loaded.dropped, []);
    shown(&loaded).join("; ")
}

fn chat(turns: &[(&str, &str)]) -> Value {
    turns.iter().map(|(role, text)| json!({"role": role, "content": text})).collect()
}

fn shared(turns: &[(&str, &str)]) -> Value {
    turns.iter().map(|(role, text)| json!({"from": role, "value": text})).collect()
}

#[test]
fn dialogues_in_all_their_spellings() {
    let long =
        [("system", "S"), ("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")];
    let gpt = [("system", "S"), ("human", "A"), ("gpt", "B"), ("human", "C"), ("gpt", "D")];
    let expected = "s: S, u: A, a: B, u: C -> D";
    assert_eq!(one(json!({"messages": chat(&long), "prompt": "A", "prompt_id": "x"})), expected);
    assert_eq!(one(json!({"conversations": shared(&gpt)})), expected);
    assert_eq!(one(json!({"conversations": shared(&gpt[1..]), "system": "S"})), expected);
    assert_eq!(one(json!({"conversation": chat(&long)})), expected);
    assert_eq!(one(json!({"messages": chat(&long).to_string()})), expected, "as text");
    let parts = json!([{"role": "user", "content": [
        {"type": "text", "text": "A"}, {"type": "text", "text": " B"}]},
        {"role": "assistant", "content": "C", "tool_calls": null}]);
    assert_eq!(one(json!({"messages": parts})), "u: A B -> C");
    let blank = [("system", " "), ("human", "A"), ("gpt", "B")];
    assert_eq!(one(json!({"conversations": shared(&blank)})), "u: A -> B");
}

#[test]
fn texts_in_all_their_spellings() {
    let orca = |system: &str| json!({"id": "1", "system_prompt": system, "question": "Q", "response": "R"});
    assert_eq!(one(orca("S")), "s: S, u: Q -> R");
    assert_eq!(one(orca("")), "u: Q -> R");
    let plain = lines(&[orca("S")], |s| s.format = Some(Format::PromptResponse)).unwrap();
    assert_eq!(shown(&plain), ["s: S, u: Q -> R"], "whatever the format is called");
    assert_eq!(one(json!({"prompt": "P", "completion": "C"})), "u: P -> C");
    assert_eq!(one(json!({"Question": "P", "Answer": "C"})), "u: P -> C");
    let asked = chat(&[("system", "S"), ("user", "P")]);
    let said = chat(&[("assistant", "C")]);
    assert_eq!(one(json!({"prompt": asked, "completion": said})), "s: S, u: P -> C");
    assert_eq!(one(json!({"prompt": asked, "completion": "C"})), "s: S, u: P -> C");
    let before = json!([["A", "B"]]);
    assert_eq!(
        one(json!({"prompt": "P", "response": "R", "history": before})),
        "u: A, a: B, u: P -> R"
    );
}

#[test]
fn pairs_in_all_their_spellings() {
    let pair = |row: Value| {
        let loaded = lines(std::slice::from_ref(&row), |_| {}).unwrap();
        let other = lines(&[row], |s| s.format = Some(Format::HhRejected)).unwrap();
        let rejected = loaded.rows.as_slice()[0].rejected.clone().unwrap();
        assert_eq!(other.rows.as_slice()[0].response, rejected);
        assert_eq!(other.rows.as_slice()[0].rejected, None);
        format!("{} not {rejected}", shown(&loaded).join("; "))
    };
    let said =
        |last: &str| chat(&[("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", last)]);
    let expected = "u: A, a: B, u: C -> D not E";
    assert_eq!(pair(json!({"chosen": said("D"), "rejected": said("E")})), expected);
    assert_eq!(pair(json!({"prompt": "A", "chosen": said("D"), "rejected": said("E")})), expected);
    let alone = |last: &str| chat(&[("assistant", last)]);
    let asked = chat(&[("user", "A"), ("assistant", "B"), ("user", "C")]);
    assert_eq!(
        pair(json!({"prompt": asked, "chosen": alone("D"), "rejected": alone("E")})),
        expected
    );
    assert_eq!(
        pair(json!({"prompt": "C", "chosen": alone("D"), "rejected": alone("E")})),
        "u: C -> D not E"
    );
    assert_eq!(pair(json!({"prompt": "C", "chosen": "D", "rejected": "E"})), "u: C -> D not E");
    let hh = |last: &str| format!("\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant: {last}");
    assert_eq!(
        pair(json!({"chosen": hh("D"), "rejected": hh("E")})),
        "u: A\n\nAssistant: B\n\nHuman: C -> D not E"
    );
    let apart =
        json!({"chosen": said("D"), "rejected": chat(&[("user", "A"), ("assistant", "E")])});
    let loaded =
        lines(&[json!({"chosen": said("D"), "rejected": said("E")}), apart], |_| {}).unwrap();
    assert_eq!(loaded.dropped[0].reason, DropReason::Unpaired);
}

#[test]
fn the_last_turn_alone_has_no_history() {
    let turns =
        [("system", "S"), ("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")];
    let rows = [json!({"messages": chat(&turns)}), json!({"messages": chat(&turns[3..])})];
    let loaded = lines(&rows, |s| s.turns = PromptTurns::Last).unwrap();
    assert_eq!(shown(&loaded), ["u: C -> D", "u: C -> D"]);
    assert_eq!(loaded.rows.repeated(), 1);
    let whole = lines(&rows, |_| {}).unwrap();
    assert_eq!(whole.rows.repeated(), 0);
    assert_eq!(whole.rows.as_slice()[1].id, loaded.rows.as_slice()[0].id);
    let short = lines(&rows, |s| s.max_chars = Some(4)).unwrap();
    assert_eq!((short.rows.len(), short.dropped[0].reason), (1, DropReason::TooLong));
}

#[test]
fn dialogues_that_cannot_be_used_are_listed() {
    let bad: [(&[(&str, &str)], DropReason); 10] = [
        (&[], DropReason::EmptyPrompt),
        (&[("system", "S")], DropReason::EmptyPrompt),
        (&[("user", "A")], DropReason::NoReply),
        (&[("user", "A"), ("assistant", "B"), ("user", "C")], DropReason::NoReply),
        (&[("user", "A"), ("user", "B"), ("assistant", "C")], DropReason::OutOfTurn),
        (&[("assistant", "A"), ("user", "B"), ("assistant", "C")], DropReason::OutOfTurn),
        (&[("user", "A"), ("system", "S"), ("assistant", "C")], DropReason::OutOfTurn),
        (
            &[("user", "A"), ("assistant", " "), ("user", "B"), ("assistant", "C")],
            DropReason::EmptyTurn,
        ),
        (&[("user", "A"), ("assistant", "")], DropReason::EmptyAnswer),
        (&[("user", "A"), ("tool", "T"), ("assistant", "B")], DropReason::ToolTurn),
    ];
    let mut rows = vec![json!({"messages": chat(&[("user", "A"), ("assistant", "B")])})];
    rows.extend(bad.iter().map(|(turns, _)| json!({"messages": chat(turns)})));
    let loaded = lines(&rows, |_| {}).unwrap();
    assert_eq!(loaded.rows.len(), 1);
    let found: Vec<_> = loaded.dropped.iter().map(|d| (d.line, d.reason)).collect();
    let expected: Vec<_> = bad.iter().enumerate().map(|(i, (_, why))| (i + 2, *why)).collect();
    assert_eq!(found, expected);
    // Prompts of a test need no reply.
    let keep = lines(&rows, |s| s.empty_answers = EmptyAnswers::Keep).unwrap();
    assert_eq!(shown(&keep), ["u: A -> B", "u: A -> ", "u: A, a: B, u: C -> ", "u: A -> "]);
    insta::assert_snapshot!(lines(&rows[3..6], |_| {}).unwrap_err(), @"a.jsonl: no usable row (3 dropped: 2 as the dialogue does not end in a reply, 1 as user and assistant do not take turns, the user first); correct the file, its split or skip");
}

#[test]
fn a_dialogue_of_another_kind_is_named_without_text() {
    let errors = [
        json!({"messages": "secret"}),
        json!({"messages": ["secret"]}),
        json!({"messages": [{"role": "user"}]}),
        json!({"messages": [{"role": "secret", "content": "secret"}]}),
        json!({"messages": [{"content": "secret"}]}),
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "secret"}, {"type": "image_url", "image_url": {"url": "secret"}}]}]}),
        json!({"conversations": [["secret"]]}),
        json!({"conversations": null}),
        json!({"prompt": "secret", "response": "r", "history": "secret"}),
    ]
    .map(|row| lines(&[row], |_| {}).unwrap_err());
    assert!(errors.iter().all(|e| !e.contains("secret")), "{errors:?}");
    insta::assert_snapshot!(errors.join("\n"), @"
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `messages`: found a string, expected a list of turns, each with `role` and `content` (or `from` and `value`)); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `messages`, turn 1: found a string, expected a list of turns, each with `role` and `content` (or `from` and `value`)); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as the dialogue does not end in a reply); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as a turn has a role that is not known; the first at fault: line 1, row 1, field `messages`, turn 1, `role`: expected system, user (or human), assistant (or gpt), tool); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `messages`, turn 1, `role`: found nothing, expected a string); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as the row has images, audio, video or files; the first at fault: line 1, row 1, field `messages`, turn 1, `content`: found a part of type `image_url`, expected parts of type `text`); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `conversations`, turn 1: found an array, expected a list of turns, each with `role` and `content` (or `from` and `value`)); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as the prompt is empty); correct the file, its split or skip
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `history`: found a string, expected a list of turns, each with `role` and `content` (or `from` and `value`)); correct the file, its split or skip
    ");
}

#[test]
fn columns_of_other_names() {
    let columns: Columns = toml::from_str(
        "prompt = 'q'\nresponse = 'a'\nrejected = 'r'\ncategory = 'c'\nsystem = 's'",
    )
    .unwrap();
    let with = |columns: &Columns| {
        let columns = columns.clone();
        move |s: &mut Source| s.columns = columns.clone()
    };
    let loaded = load("a.csv", b"q,a,r,c,s\n1,2,3,4,5\n", with(&columns)).unwrap();
    assert_eq!(shown(&loaded), ["s: 5, u: 1 -> 2"]);
    let row = &loaded.rows.as_slice()[0];
    assert_eq!((row.rejected.as_deref(), row.category.as_deref()), (Some("3"), Some("4")));
    let prompts = Columns { prompt: Some("q".into()), ..Columns::default() };
    let loaded = load("a.csv", b"q,a\n1,2\n", with(&prompts)).unwrap();
    assert_eq!(texts(&loaded), [("1", "")]);
    let loaded = load("a.csv", b"q,answer\n1,2\n", with(&prompts)).unwrap();
    assert_eq!(texts(&loaded), [("1", "2")]);
    let turns = Columns { messages: Some("dialog".into()), ..Columns::default() };
    let rows = [json!({"dialog": shared(&[("human", "A"), ("gpt", "B")]), "output": "x"})];
    assert_eq!(shown(&lines(&rows, with(&turns)).unwrap()), ["u: A -> B"]);
    let kind = Columns { category: Some("kind".into()), ..Columns::default() };
    let rows = [json!({"instruction": "A", "output": "B", "kind": "K"})];
    let loaded = lines(&rows, with(&kind)).unwrap();
    assert_eq!(loaded.rows.as_slice()[0].category.as_deref(), Some("K"));

    let both = Columns { messages: Some("q".into()), ..columns.clone() };
    let errors = [
        load("a.csv", b"q,answer\n1,2\n", with(&columns)),
        load("a.csv", b"q,a,r,c,s\n1,2,3,4,5\n", with(&both)),
        lines(&[json!({"q": "secret", "a": "secret", "b": 1})], |_| {}),
        lines(&[json!({"q": "secret", "a": "secret", "r": "", "c": "", "s": ""})], |s| {
            (s.columns, s.format) = (columns.clone(), Some(Format::Alpaca));
        }),
        lines(&[json!({"q": "secret", "a": 1, "r": "", "c": "", "s": ""})], with(&columns)),
    ]
    .map(Result::unwrap_err);
    assert!(errors.iter().all(|e| !e.contains("secret")), "{errors:?}");
    insta::assert_snapshot!(errors.join("\n"), @r#"
    a.csv: columns: no field `a`; the first row is an object with the fields answer, q
    a.csv: columns: `messages` holds prompt and answer; do not name them besides
    a.jsonl: the first row (an object with the fields a, b, q) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions, or name its fields, for example columns = { prompt = "FIELD", response = "FIELD" }
    a.jsonl: columns: `prompt`, `response` and `rejected` go with the formats prompt-response, open-orca and instructions
    a.jsonl: no usable row (1 dropped: 1 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `a`: found a number, expected a string); correct the file, its split or skip
    "#);
    assert!(toml::from_str::<Columns>("promt = 'q'").is_err());
    assert!(plain("a.csv", "q,a\n1,2\n").is_err());
}

#[cfg(feature = "parquet")]
#[test]
fn dialogues_in_parquet() {
    use crate::tools::{load_from, reference};
    for name in ["messages.parquet", "sharegpt.parquet"] {
        let loaded = load_from(&reference(), name, |_| {}).unwrap();
        assert_eq!(
            shown(&loaded),
            ["s: Be brief., u: Hello?, a: Yes., u: Sure? -> Quite.", "u: One? -> 1"]
        );
        let found: Vec<_> = loaded.dropped.iter().map(|d| (d.row, d.reason)).collect();
        let (reply, turn) = (DropReason::NoReply, DropReason::OutOfTurn);
        let (answer, prompt) = (DropReason::EmptyAnswer, DropReason::EmptyPrompt);
        assert_eq!(found, [(3, reply), (4, turn), (5, answer), (6, prompt)], "{name}");
    }
}
