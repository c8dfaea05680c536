//! A page as a reader of CommonMark sees it.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Text of headings and of the cells in the first column, as CommonMark reads them,
/// and everything that is more than text.
pub fn markdown(page: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut headings, mut cells, mut more) = (Vec::new(), Vec::new(), Vec::new());
    let mut open: Option<String> = None;
    let mut first = false;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH;
    for event in Parser::new_ext(page, options) {
        match event {
            Event::Start(Tag::TableRow) => first = true,
            Event::Start(Tag::Heading { .. } | Tag::TableCell) => open = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => headings.push(open.take().unwrap()),
            Event::End(TagEnd::TableCell) => {
                let cell = open.take().unwrap();
                if std::mem::take(&mut first) {
                    cells.push(cell);
                }
            }
            Event::Text(text) => open.iter_mut().for_each(|o| o.push_str(&text)),
            Event::Code(text) => open.iter_mut().for_each(|o| o.push_str(&text)),
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::HtmlBlock
                | Tag::Strikethrough
                | Tag::FootnoteDefinition(_)
                | Tag::BlockQuote(_),
            )
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule => {
                more.push(format!("{event:?}"));
            }
            _ => {}
        }
    }
    (headings, cells, more)
}
