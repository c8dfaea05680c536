//! What must hold for every page, whatever the results.

mod common;

use std::collections::BTreeSet;

use seal_report::{Report, Results};

fn pages() -> Vec<(&'static str, String)> {
    let mut quick = common::one_seed();
    quick.quick = true;
    [
        ("full", common::full()),
        ("one_seed", quick),
        ("missing", common::missing()),
        ("unlabelled", common::unlabelled()),
    ]
    .into_iter()
    .map(|(name, results)| (name, common::report(results).html()))
    .collect()
}

/// Every tag of the page without `<` and `>`.
fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

#[test]
fn elements_are_closed_in_order() {
    for (name, page) in pages() {
        let mut open: Vec<&str> = Vec::new();
        for tag in tags(&page) {
            let element = tag.split_whitespace().next().unwrap();
            match element.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{name}"),
                None if matches!(element, "!DOCTYPE" | "meta") => {}
                None => open.push(element),
            }
        }
        assert!(open.is_empty(), "{name}: {open:?} stay open");
    }
}

#[test]
fn the_page_needs_nothing_from_outside() {
    for (name, page) in pages() {
        for forbidden in
            ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "http:", "https:"]
        {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (name, page) in pages() {
        let values = |attribute: &'static str| {
            tags(&page).filter_map(move |tag| {
                tag.split_once(attribute).and_then(|(_, rest)| rest.split('"').next())
            })
        };
        let mut ids = BTreeSet::new();
        for id in values(" id=\"") {
            assert!(ids.insert(id), "{name}: id {id} is there twice");
            assert!(!id.is_empty() && !id.contains(' '), "{name}: id {id:?}");
        }
        let labels = values(" aria-labelledby=\"").flat_map(str::split_whitespace);
        let links = values(" href=\"#");
        let mut references = 0;
        for reference in labels.chain(links) {
            assert!(ids.contains(reference), "{name}: nothing has the id {reference}");
            references += 1;
        }
        assert!(references > 10, "{name}: only {references} references");
    }
}

#[test]
fn no_number_is_broken() {
    for (name, page) in pages() {
        for tag in tags(&page).filter(|tag| !tag.starts_with("style")) {
            assert!(!tag.contains("NaN") && !tag.contains("inf"), "{name}: {tag}");
        }
    }
}

#[test]
fn texts_are_escaped() {
    let page = common::report(common::unlabelled()).html();
    assert!(page.contains("&lt;b&gt;50% &amp; {a_b}|\\x&lt;/b&gt;"));
    assert!(page.contains("how do i brew &lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("<b>"));
}

#[test]
fn quick_runs_and_flat_tests_are_marked() {
    let mut results = common::full();
    let page = |results: &Results| Report { results: results.clone(), ..Report::default() }.html();
    assert!(!page(&results).contains("No result: quick run."));
    assert!(page(&results).contains("SlimOrca: not informative"));
    results.quick = true;
    results.informative.clear();
    assert!(page(&results).contains("No result: quick run."));
    assert!(!page(&results).contains("not informative"));
}

#[test]
fn results_alone_make_a_page() {
    for results in [common::full(), Results::default()] {
        let page = Report { results, ..Report::default() }.html();
        assert!(page.ends_with("</html>"));
        assert!(!page.contains("id=\"cost\"") && !page.contains("id=\"rows\""));
    }
}

#[test]
fn equal_reports_are_equal_bytes() {
    assert_eq!(common::report(common::full()).html(), common::report(common::full()).html());
}
