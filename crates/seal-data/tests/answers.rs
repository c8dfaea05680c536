//! Where an answer stands in a rendered conversation, and where generation stops.

#[path = "common/model.rs"]
mod model;

use seal_data::chat::{ChatError, ChatFormat, ChatTemplate, Message, Trained};
use seal_data::{ExampleError, RowId, Template, TemplateSetting, TextTokenizer, Tokenizer};
use serde_json::json;

fn tokenizer() -> TextTokenizer {
    let config = json!({ "eos_token": "<|endoftext|>" });
    TextTokenizer::from_folder(model::folder(&[("tokenizer_config.json", config)]).path()).unwrap()
}

fn format(source: &str) -> ChatFormat {
    let template = ChatTemplate::new("test", source, None).unwrap();
    ChatFormat { template, trained: Trained::Last }
}

/// The text that a loss is taken on.
fn trained(source: &str, messages: &[Message]) -> Result<String, ExampleError> {
    let c = format(source).encode(RowId::of("", "", 0), messages, &tokenizer())?;
    let spans = c.trained.iter().map(|r| c.tokens[r.start].1.start..c.tokens[r.end - 1].1.end);
    Ok(spans.map(|span| &c.text[span]).collect())
}

fn talk(answer: &str) -> [Message; 2] {
    [Message::user("hi"), Message::assistant(answer)]
}

/// It ignores `add_generation_prompt`, so the header of the answer is the model's to write.
const NO_PROMPT: &str = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}";

#[test]
fn generation_stops_at_the_end_of_the_turn_and_not_at_its_header() {
    let tokenizer = tokenizer();
    let stops = format(NO_PROMPT).stops(&tokenizer).unwrap();
    let names: Vec<String> = stops.iter().map(|id| tokenizer.token(*id).unwrap()).collect();
    assert_eq!(names, ["<|endoftext|>", "<|im_end|>"]);
    assert_eq!(trained(NO_PROMPT, &talk("so")).unwrap(), "<|im_start|>assistant\nso<|im_end|>");
    // What a template keeps out of its marks is not the model's to write.
    let marked = "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}<|im_end|>{% else %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}";
    assert_eq!(format(marked).stops(&tokenizer).unwrap(), [tokenizer.eos()]);
}

#[test]
fn words_that_also_stand_in_the_header_are_trained_in_their_own_place() {
    let header = "{% for m in messages %}<|im_start|>{{ m.role }}<|im_end|>{{ m.content }}<|im_end|>{% endfor %}";
    assert_eq!(
        trained(header, &talk("assistant")).unwrap(),
        "<|im_start|>assistant<|im_end|>assistant<|im_end|>"
    );
    assert_eq!(
        trained(header, &talk("ant")).unwrap(),
        "<|im_start|>assistant<|im_end|>ant<|im_end|>"
    );
    // A title from the answer's own first letters.
    let title = "{% for m in messages %}<|im_start|>{{ m.content[:4] }}<|im_end|>{{ m.content | trim }}<|im_end|>{% endfor %}";
    assert_eq!(trained(title, &talk(" yes ")).unwrap(), "<|im_start|> yes<|im_end|>yes<|im_end|>");
    // The words after it, in what closes the turn.
    let footer = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{{ m.role }}<|im_end|>{% endfor %}";
    assert_eq!(trained(footer, &talk("assistant")).unwrap(), "<|im_start|>assistant<|im_end|>");
}

/// Templates that set reasoning apart write other space around it.
#[test]
fn reasoning_that_a_template_sets_apart_is_trained() {
    let source = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if '</think>' in m.content %}{% set parts = m.content.split('</think>') %}<think>\n{{ parts[0].split('<think>')[-1].strip('\n') }}\n</think>\n\n{{ parts[-1].lstrip('\n') }}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    assert_eq!(
        trained(source, &talk("<think>no</think>yes")).unwrap(),
        "<think>\nno\n</think>\n\nyes<|im_end|>"
    );
    // One that drops it has lost a part of the answer.
    let lossy = "{% for m in messages %}<|im_start|>{{ m.content.split('</think>')[-1] }}<|im_end|>{% endfor %}";
    for (source, answer) in [
        (lossy, "<think>no</think>yes"),
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "assistant"),
    ] {
        let error = trained(source, &talk(answer)).unwrap_err();
        let ExampleError::Chat { source: error, .. } = error else { panic!("{error}") };
        assert!(matches!(error, ChatError::Altered { turn: 2, .. }), "{error}");
    }
}

#[test]
fn kwargs_are_variables_of_the_template() {
    let source = "{{ style }}{{ deep.a[1] }}{{ enable_thinking is false }}{{ messages | length }}";
    let kwargs =
        [("enable_thinking", json!(false)), ("style", json!("x")), ("deep", json!({"a": [1, 2]}))];
    let template = ChatTemplate::new("t", source, None).unwrap().with_kwargs(kwargs).unwrap();
    let rendered = template.render(&talk("a"), &Default::default(), false).unwrap();
    assert_eq!(rendered.text, "x2True2");
    let own = ChatTemplate::new("t", source, None).unwrap().with_kwargs([("messages", json!(1))]);
    assert!(own.unwrap_err().to_string().contains("`template.kwargs` cannot set `messages`"));
}

#[test]
fn one_of_several_templates_is_chosen() {
    let named = |name: &str, text: &str| json!({ "name": name, "template": text });
    let list = json!([
        named("default", "D{{ 1 }}"),
        named("rag", "R"),
        named("tool_use", "{{ 'T' if tools }}")
    ]);
    let config = json!({ "eos_token": "<|endoftext|>", "chat_template": list });
    let folder = model::folder(&[("tokenizer_config.json", config)]);
    let tokenizer = TextTokenizer::from_folder(folder.path()).unwrap();
    let setting = |toml: &str| {
        #[derive(serde::Deserialize)]
        struct Config {
            template: TemplateSetting,
        }
        toml::from_str::<Config>(toml).unwrap().template
    };
    let text = |setting: &TemplateSetting, own: Option<&TextTokenizer>| {
        let dress = setting.resolve(folder.path(), own).map_err(|e| e.to_string())?;
        let mut rows = seal_data::Rows::new();
        rows.push("hi", "");
        let tokens = dress.encode_prompt(&rows.as_slice()[0], &tokenizer).unwrap();
        Ok::<_, String>(tokens.iter().map(|id| tokenizer.token(*id).unwrap()).collect::<String>())
    };
    let (plain, rag) = (setting("template = 'chat'"), setting("template = { name = 'rag' }"));
    assert_eq!(text(&plain, Some(&tokenizer)).unwrap(), "D1");
    assert_eq!(text(&rag, Some(&tokenizer)).unwrap(), "R");
    // The folder of an adapter is named by `chat`.
    let path = folder.path().display().to_string();
    let other = setting(&format!("template = {{ chat = '{path}', name = 'rag' }}"));
    assert_eq!(text(&other, None).unwrap(), "R");
    let missing = text(&setting("template = { name = 'nope' }"), Some(&tokenizer)).unwrap_err();
    assert!(
        missing.starts_with(
            "the model folder has no chat template named \"nope\" (it has default, rag, tool_use:"
        ),
        "{missing}"
    );
    // Digests are of the text, not of the place.
    let digest = |setting: &TemplateSetting, own| setting.digest(folder.path(), own).unwrap();
    assert_eq!(digest(&rag, Some(&tokenizer)), digest(&other, None));
    assert_ne!(digest(&rag, Some(&tokenizer)), digest(&plain, Some(&tokenizer)));
    std::fs::write(folder.path().join("r.jinja"), "R").unwrap();
    let file = setting("template = { chat = 'r.jinja' }");
    assert_eq!(digest(&file, None), digest(&rag, Some(&tokenizer)));
    std::fs::write(folder.path().join("r.jinja"), "S").unwrap();
    assert_ne!(digest(&file, None), digest(&rag, Some(&tokenizer)));
    assert_eq!(digest(&setting("template = 'Q: {}'"), None), None);
    let one = setting("template = { chat = 'r.jinja', name = 'rag' }");
    assert!(text(&one, None).unwrap_err().contains("`template.name` chooses among"));
    // Tools are what chooses `tool_use`.
    let source = ChatTemplate::new("d", "D", None).unwrap();
    let tools = ChatTemplate::new("t", "{{ 'T' if tools }}", None).unwrap();
    let both = source.with_tool_use(tools);
    let shown =
        |tools: &str| both.render_json("[]", tools, &Default::default(), false).unwrap().text;
    assert_eq!((shown("null"), shown("[{\"type\": \"function\"}]")), ("D".into(), "T".into()));
}
