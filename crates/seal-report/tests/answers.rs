//! The page of answers: that texts stay texts, and that blocks fit the page.

use seal_report::{AnsweredTest, AnswersPage, CellAnswers, ShownPrompt};

fn page() -> AnswersPage {
    let prompt = |i: usize, is_unsafe: Option<bool>| ShownPrompt {
        id: format!("{i:032x}"),
        prompt: format!("prompt {i}"),
        category: Some("lamps".into()),
        is_unsafe,
    };
    let cell = |arm: &str, text: &str| CellAnswers {
        arm: arm.into(),
        seed: 7,
        test: "hh".into(),
        texts: vec![Some(text.into()), None],
    };
    AnswersPage {
        study: "demo".into(),
        arms: vec![("sft".into(), "Standard <SFT>".into()), ("seal".into(), "SEAL".into())],
        seeds: vec![7],
        tests: vec![AnsweredTest {
            name: "hh".into(),
            prompts: vec![prompt(0, Some(false)), prompt(1, None)],
        }],
        answers: vec![cell("sft", "plain"), cell("seal", "</script><script>alert(1)</script>")],
    }
}

/// The text of a block.
fn block(html: &str, id: &str) -> serde_json::Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let rest = &html[html.find(&start).unwrap() + start.len()..];
    serde_json::from_str(&rest[..rest.find("</script>").unwrap()]).unwrap()
}

#[test]
fn texts_stay_texts() {
    let mut page = page();
    page.answers[0].texts[0] = Some("a\u{202e}b\u{7}c\n<!-- &amp; 'd' \"e\"".into());
    let html = page.html().unwrap();
    // Blocks: prompts, two cells, the index; and the one script that runs.
    assert_eq!(html.matches("<script").count(), 5);
    assert_eq!(html.matches("</script>").count(), 5);
    assert!(!html.contains("alert(1)</script>") && !html.contains("<!--"));
    assert_eq!(block(&html, "answers-0-1-0")[0], "</script><script>alert(1)</script>");
    // Letters that act are named; a bell is an escape of JSON.
    let shown = block(&html, "answers-0-0-0")[0].as_str().unwrap().to_owned();
    assert_eq!(shown, "a‹U+202E›b\u{7}c\n<!-- &amp; 'd' \"e\"");
    assert_eq!(block(&html, "answers-0-1-0")[1], serde_json::Value::Null);
    assert_eq!(block(&html, "prompts-0")[1]["unsafe"], serde_json::Value::Null);
    assert_eq!(block(&html, "index")["arms"][0], "Standard <SFT>");
}

#[test]
fn nothing_comes_from_outside() {
    let html = page().html().unwrap();
    for forbidden in ["http:", "https:", " src=", "@import", "url(", "<link", "innerHTML", "eval("]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src 'none'"));
    assert_eq!(page().html().unwrap(), html);
}

#[test]
fn blocks_that_do_not_fit_are_named() {
    let error = |change: fn(&mut AnswersPage)| {
        let mut page = page();
        change(&mut page);
        page.html().unwrap_err().to_string()
    };
    insta::assert_snapshot!(error(|p| p.answers[1].arm = "x".into()), @"answers.html: answers[1].arm: the page has no such arm");
    insta::assert_snapshot!(error(|p| p.answers[0].seed = 1), @"answers.html: answers[0].seed: the page has no such seed");
    insta::assert_snapshot!(error(|p| p.answers[0].test = "x".into()), @"answers.html: answers[0].test: the page has no such test");
    insta::assert_snapshot!(error(|p| p.answers[0].texts = vec![]), @"answers.html: answers[0].texts: 0 answers to 2 prompts");
    insta::assert_snapshot!(error(|p| p.answers[1] = p.answers[0].clone()), @"answers.html: answers[1]: this cell and test is there twice");
}
