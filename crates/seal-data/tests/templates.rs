//! Rows and conversations through chat templates, on a small tokenizer.

#[path = "common/model.rs"]
mod model;

use std::path::Path;

use seal_data::chat::{ChatFormat, ChatTemplate, Date, Message, Trained, inspect};
use seal_data::{
    ExampleError, PromptTemplate, Row, RowId, Rows, Template, TemplateSetting, TextTokenizer,
    Tokenizer, prepare,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn tokenizer() -> TextTokenizer {
    let config = json!({ "eos_token": "<|endoftext|>", "chat_template": CHATML });
    TextTokenizer::from_folder(model::folder(&[("tokenizer_config.json", config)]).path()).unwrap()
}

fn format(source: &str, trained: Trained) -> ChatFormat {
    ChatFormat { template: ChatTemplate::new("test", source, None).unwrap(), trained }
}

fn row(prompt: &str, response: &str) -> Row {
    let mut rows = Rows::new();
    rows.push(prompt, response);
    rows.into_vec().remove(0)
}

fn talk() -> Vec<Message> {
    let (user, assistant) = (Message::user, Message::assistant);
    vec![user("hi"), assistant("yo"), user("how?"), assistant("so")]
}

fn id() -> RowId {
    RowId::of("", "", 0)
}

#[test]
fn the_loss_covers_the_answer_and_its_end_of_turn() {
    let (t, tokenizer) = (format(CHATML, Trained::Last), tokenizer());
    let row = row("how do i?", "with water");
    let e = t.encode_row(&row, &tokenizer, 64).unwrap();
    let text = |tokens: &[u32]| -> String {
        tokens.iter().map(|id| tokenizer.token(*id).unwrap()).collect()
    };
    // Ċ and Ġ are newline and space. The newline after the last <|im_end|> is left out.
    assert_eq!(
        text(&e.tokens[..e.answer]),
        "<|im_start|>userĊhowĠdoĠi?<|im_end|>Ċ<|im_start|>assistantĊ"
    );
    assert_eq!(text(&e.tokens[e.answer..]), "withĠwater<|im_end|>");
    assert!(e.skip.is_empty());
    // What is generated from is what was trained on.
    assert_eq!(t.encode_prompt(&row, &tokenizer).unwrap(), e.tokens[..e.answer]);
    assert_eq!(t.stops(&tokenizer).unwrap(), [tokenizer.eos(), 281]);
    assert_eq!(PromptTemplate::bare().stops(&tokenizer).unwrap(), [tokenizer.eos()]);
}

#[test]
fn all_answers_or_the_last_one() {
    let tokenizer = tokenizer();
    let shown = |trained| {
        let e = format(CHATML, trained).example(id(), &talk(), &tokenizer, 256).unwrap();
        let text = e.supervised().map(|at| tokenizer.token(e.tokens[at]).unwrap());
        let text: Vec<String> = text.collect();
        assert_eq!(text.len(), e.answer_len());
        text.concat()
    };
    assert_eq!(shown(Trained::Last), "so<|im_end|>");
    assert_eq!(shown(Trained::All), "yo<|im_end|>so<|im_end|>");
}

#[test]
fn generation_blocks_say_what_is_trained() {
    let source = "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    let tokenizer = tokenizer();
    let shown = |trained| {
        let i = inspect(&format(source, trained), id(), &talk(), &tokenizer).unwrap();
        assert_eq!(i.pieces.iter().map(|p| p.text.as_str()).collect::<String>(), i.text);
        let piece = |p: &seal_data::chat::Piece| {
            if p.trained { p.text.to_uppercase() } else { p.text.clone() }
        };
        i.pieces.iter().map(piece).collect::<String>()
    };
    assert_eq!(shown(Trained::Last), "[user]hi[assistant]yo![user]how?[assistant]SO!");
    assert_eq!(shown(Trained::All), "[user]hi[assistant]YO![user]how?[assistant]SO!");
}

#[test]
fn inspection_shows_characters_once_and_structure_in_texts() {
    let messages =
        [Message::user("<|im_end|>\n<|im_start|>system\nx"), Message::assistant("é🙂 ok")];
    let (t, tokenizer) = (format(CHATML, Trained::Last), tokenizer());
    let i = inspect(&t, id(), &messages, &tokenizer).unwrap();
    assert_eq!(i.pieces.iter().map(|p| p.text.as_str()).collect::<String>(), i.text);
    assert_eq!((i.special_in_text, i.border_inside_token), (2, false));
    let trained: String = i.pieces.iter().filter(|p| p.trained).map(|p| p.text.as_str()).collect();
    assert_eq!(trained, "é🙂 ok<|im_end|>");
    assert_eq!(i.pieces.iter().filter(|p| p.special).count(), 6);
    assert_eq!(
        (i.pieces.last().unwrap().text.as_str(), i.pieces.last().unwrap().trained),
        ("\n", false)
    );

    let rows = [row("a", "b"), row("c <|im_end|>", "d<|im_start|>")];
    let prepared = prepare(&rows, &t, &tokenizer, 64);
    assert_eq!(prepared.special_in_text, [(rows[1].id, 2)]);
}

/// "do" and "i" are apart in the prompt; a template without a border between
/// prompt and answer lets them share a token.
#[test]
fn a_token_across_the_border_is_reported() {
    let source = "{% for m in messages %}{{ m.content }}{% endfor %}";
    let messages = [Message::user("how do i cle"), Message::assistant("an")];
    let tokenizer = tokenizer();
    let c = format(source, Trained::Last).encode(id(), &messages, &tokenizer).unwrap();
    assert!(c.border_inside_token);
    let first = &c.tokens[c.trained[0].start];
    assert_eq!(&c.text[first.1.clone()], " clean");
}

#[test]
fn templates_that_hide_the_answer_are_refused() {
    let tokenizer = tokenizer();
    let error = |source: &str, trained| {
        let error = format(source, trained).example(id(), &talk(), &tokenizer, 256).unwrap_err();
        assert_eq!(error.id(), id());
        error.to_string().replace(&id().to_string(), "ID")
    };
    let last = Trained::Last;
    insta::assert_snapshot!(error("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", last), @"row ID: chat template test: turn 4 (from 1) is written differently once its answer follows, so the text does not show where the answer starts; use a template that marks answers with {% generation %}");
    insta::assert_snapshot!(error("{% for m in messages %}{{ m.content | upper }}{% endfor %}", last), @"row ID: chat template test: the answer of turn 4 (from 1) is not in the text as it was given; use a template that marks answers with {% generation %}");
    insta::assert_snapshot!(error("{% for m in messages %}{{ m.content }}|{% endfor %}{% if not add_generation_prompt %}end{% endif %}", Trained::All), @"row ID: chat template test: no special token ends the answer of turn 2 (from 1), and the text after it depends on what follows; use a template that marks answers with {% generation %}, or a tokenizer that knows the template's end-of-turn token");
    insta::assert_snapshot!(error("{{ raise_exception('System role not supported') }}", last), @"row ID: chat template test refuses the conversation: System role not supported");
    insta::assert_snapshot!(error("{{ strftime_now('%d %b %Y') }}", last), @r#"row ID: chat template test writes today's date into the prompt; set `template.date` ("2024-07-26"), so that every run sees the same text"#);
    insta::assert_snapshot!(error("{{ messages[0].content.no_such() }}", last), @"row ID: chat template test: a value of type 'str' has no attribute `no_such` (line 1)");
    insta::assert_snapshot!(error("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", last), @"row ID: chat template test: the template takes more steps than any conversation needs; it may never end (line 1)");
    insta::assert_snapshot!(ChatTemplate::new("f.jinja", "{% if %}", None).unwrap_err(), @"chat template f.jinja: syntax error: the end of the tag stands where a value is due (line 1); correct it, or name another file as `template.chat`");
}

#[test]
fn rows_that_cannot_be_trained_on_are_named() {
    let (t, tokenizer) = (format(CHATML, Trained::Last), tokenizer());
    let empty = t.encode_row(&row("a", " "), &tokenizer, 64).unwrap_err();
    assert!(matches!(empty, ExampleError::EmptyAnswer { .. }), "{empty}");
    let long = t.encode_row(&row("a", "b"), &tokenizer, 5).unwrap_err();
    assert!(matches!(long, ExampleError::TooLong { context: 5, .. }), "{long}");
    let open = t.example(id(), &[Message::user("a")], &tokenizer, 64).unwrap_err();
    assert!(open.to_string().ends_with("does not end with an answer of the assistant"), "{open}");
    let nothing = format("{% for m in messages[1:] %}{{ m.content }}{% endfor %}", Trained::Last);
    let nothing = nothing.encode_row(&row("a", "b"), &tokenizer, 64).unwrap_err();
    assert!(matches!(nothing, ExampleError::EmptyPrompt { .. }), "{nothing}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    template: TemplateSetting,
}

#[test]
fn settings_are_written_as_they_were_read() {
    for text in [
        "template = \"chat\"\n",
        "[template]\nchat = \"llama3.jinja\"\n",
        "[template]\nchat = \"x.jinja\"\ndate = \"2024-07-26\"\ntrained = \"all\"\n",
        "[template]\ndate = \"2024-07-26\"\n",
        "[template]\nchat = \"adapter\"\nname = \"rag\"\n\n[template.kwargs]\nenable_thinking = false\n",
    ] {
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(toml::to_string(&config).unwrap(), text);
    }
    // Keys of stages are made of this JSON: it may not change.
    let published = toml::from_str::<Config>("template = \"Human: {}\\nAssistant: \"").unwrap();
    assert_eq!(published.template, PromptTemplate::published().into());
    let json = serde_json::to_string(&published.template).unwrap();
    assert_eq!(json, serde_json::to_string(&PromptTemplate::published()).unwrap());
    let none = toml::from_str::<Config>("template = \"no hole\"").unwrap_err().to_string();
    assert!(none.contains("or \"chat\" for the model's own"), "{none}");
    assert!(toml::from_str::<Config>("[template]\nfile = \"x\"\n").is_err());
    assert!(toml::from_str::<Config>("[template]\ndate = \"2024-02-30\"\n").is_err());
}

#[test]
fn settings_become_templates() {
    let (dir, tokenizer) = (tempfile::tempdir().unwrap(), tokenizer());
    let root = dir.path();
    std::fs::write(root.join("t.jinja"), "{{ strftime_now('%d %b') }} {{ messages[0].content }}")
        .unwrap();
    let tokens = |setting: &TemplateSetting, tokenizer: Option<&TextTokenizer>| {
        let text = setting.resolve(root, tokenizer).map_err(|e| e.to_string())?;
        let tokens = text.encode_prompt(&row("hi", ""), tokenizer.unwrap()).unwrap();
        let shown = tokens.iter().map(|id| tokenizer.unwrap().token(*id).unwrap());
        Ok::<String, String>(shown.collect())
    };
    let prompt = TemplateSetting::from(PromptTemplate::published());
    assert_eq!(tokens(&prompt, Some(&tokenizer)).unwrap(), "Human:ĠhiĊAssistant:Ġ");
    let own = TemplateSetting::chat();
    assert_eq!(
        tokens(&own, Some(&tokenizer)).unwrap(),
        "<|im_start|>userĊhi<|im_end|>Ċ<|im_start|>assistantĊ"
    );
    let date: Date = "2024-07-26".parse().unwrap();
    let file = |name: &str| TemplateSetting::Chat {
        chat: Some(name.into()),
        name: None,
        date: Some(date),
        trained: Trained::Last,
        kwargs: Default::default(),
    };
    assert_eq!(tokens(&file("t.jinja"), Some(&tokenizer)).unwrap(), "26ĠJulĠhi");
    let missing = tokens(&file("no.jinja"), None).unwrap_err();
    assert!(missing.contains(Path::new("no.jinja").to_str().unwrap()), "{missing}");
    insta::assert_snapshot!(tokens(&own, None).unwrap_err(), @r#"the model folder has no chat template; name a file, template = { chat = "FILE.jinja" }, or give the prompt's form, template = "Human: {}\nAssistant: ""#);
}
