//! What must hold for every page, whatever the results.

mod common;

use std::collections::{BTreeMap, BTreeSet};

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

/// Values of the variables in one block of rules.
fn colours(rules: &str) -> BTreeMap<&str, [f64; 3]> {
    let part = |hex: &str| match hex.len() {
        1 => f64::from(u8::from_str_radix(&hex.repeat(2), 16).unwrap()),
        _ => f64::from(u8::from_str_radix(hex, 16).unwrap()),
    };
    let colour = |declared: &'_ str| -> Option<(usize, [f64; 3])> {
        let (name, hex) = declared.split_once(": #")?;
        let width = hex.len() / 3;
        Some((name.len(), [0, 1, 2].map(|i| part(&hex[i * width..(i + 1) * width]))))
    };
    let declared = rules.split(&[';', '{', '}']).map(str::trim);
    declared
        .filter(|text| text.starts_with("--"))
        .filter_map(|text| colour(text).map(|(end, value)| (&text[2..end], value)))
        .collect()
}

/// Contrast of two colours by WCAG 2.2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |c: [f64; 3]| {
        let linear = c.map(|part| match part / 255.0 {
            x if x <= 0.04045 => x / 12.92,
            x => ((x + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (hi, lo) = (light(a).max(light(b)), light(a).min(light(b)));
    (hi + 0.05) / (lo + 0.05)
}

/// axe-core decides no contrast of text in drawings. These are all colours of text, on all grounds.
#[test]
fn text_and_marks_have_contrast_in_both_schemes() {
    assert!((contrast([0.0; 3], [255.0; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([119.0; 3], [255.0; 3]) - 4.478).abs() < 1e-3);
    let page = common::report(common::full()).html();
    let rules = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
    let dark = rules.find("prefers-color-scheme: dark").unwrap();
    let end = dark + rules[dark..].find("\n}").unwrap();
    for (scheme, rules) in [("light", &rules[..dark]), ("dark", &rules[dark..end])] {
        let of = colours(rules);
        assert_eq!(of.len(), 15, "{scheme}: {:?}", of.keys());
        for (text, ground) in [
            ("ink", "paper"),
            ("ink", "tint"),
            ("ink", "warn-tint"),
            ("soft", "paper"),
            ("soft", "tint"),
            ("warn", "warn-tint"),
            ("warn", "paper"),
            ("s1", "paper"),
        ] {
            let found = contrast(of[text], of[ground]);
            assert!(found >= 4.5, "{scheme}: {text} on {ground} {found:.2}");
        }
        for mark in ["s1", "s2", "s3", "s4", "s5", "s6", "s7"] {
            let found = contrast(of[mark], of["paper"]);
            assert!(found >= 3.0, "{scheme}: {mark} {found:.2}");
        }
        // The deepest cell of a map is 55 % heat.
        let deepest = [0, 1, 2].map(|i| 0.55 * of["heat"][i] + 0.45 * of["paper"][i]);
        let found = contrast(of["ink"], deepest);
        assert!(found >= 4.5, "{scheme}: ink on the deepest cell {found:.2}");
    }
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

/// The drawings of every study that has one.
fn pictures() -> Vec<(&'static str, String)> {
    [("full", common::full()), ("one_seed", common::one_seed()), ("missing", common::missing())]
        .into_iter()
        .map(|(name, results)| (name, common::report(results).picture().unwrap()))
        .collect()
}

#[test]
fn a_picture_is_one_whole_svg_without_anything_from_outside() {
    for (name, picture) in pictures() {
        assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{name}");
        let mut open: Vec<&str> = Vec::new();
        for tag in tags(&picture) {
            let element = tag.split_whitespace().next().unwrap();
            match element.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{name}"),
                None => open.push(element),
            }
        }
        assert!(open.is_empty(), "{name}: {open:?} stay open");
        let inside = picture.replacen("http://www.w3.org/2000/svg", "", 1);
        for forbidden in ["<script", "<image", "href", "url(", "@import", "http:", "https:"] {
            assert!(!inside.contains(forbidden), "{name}: {forbidden}");
        }
        assert!(picture.contains("prefers-color-scheme: dark"), "{name}");
    }
}

#[test]
fn a_picture_has_the_curve_and_every_arm_of_the_ablations() {
    let full = common::full();
    let picture = common::report(full.clone()).picture().unwrap();
    // The test on which arms differ most, and the one that shows nothing left out.
    assert!(picture.contains(">HEx-PHI</text>") && !picture.contains(">SlimOrca"));
    let arms = full.arms.iter().filter(|arm| arm.ablated_part.is_some());
    for arm in arms.filter(|arm| arm.selection.is_some()) {
        assert!(picture.contains(&format!(">{}</text>", arm.label)), "{}", arm.label);
    }
    // The share as the tables have it, rounded once.
    assert!(picture.contains(">52.0</text>") && picture.contains("; γ = 0.2: 52.0 [52.0, 52.0]"));
    // Values that are numbers rise.
    let place = |label: &str| picture.find(&format!(">{label}</text>")).unwrap();
    assert!(place("γ = 0") < place("γ = 0.01") && place("γ = 0.01") < place("γ = 0.03"));
    // Without labels there is no share, and without ablations nothing at all.
    let mut results = common::unlabelled();
    assert!(common::report(results.clone()).picture().is_none());
    results.arms.truncate(2);
    results.comparisons.clear();
    assert!(common::report(results).picture().is_none());
}

#[test]
fn a_quick_picture_says_that_it_is_no_result() {
    let mut quick = common::one_seed();
    assert!(!common::report(quick.clone()).picture().unwrap().contains("No result"));
    quick.quick = true;
    assert!(common::report(quick).picture().unwrap().contains("No result, quick run"));
}
