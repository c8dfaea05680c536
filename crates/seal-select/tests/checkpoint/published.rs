//! The two selectors that SEAL published, where `SEAL_DATA` has them. The
//! figures are those of `tests/reference/published.py`, which uses numpy.

use std::path::PathBuf;

use seal_select::{KEEP_FRACTIONS, PublishedSelector, RowMapping, Separation, separation};

/// Rows of the file that both selectors were trained on, before the filter.
const FILE_ROWS: usize = 112_000;

/// Where its potentially unsafe rows are. The filter dropped none of them.
const UNSAFE: &str = "0..22393";

fn published(name: &str) -> Option<PublishedSelector> {
    let Some(data) = std::env::var_os("SEAL_DATA") else {
        eprintln!("skipped: SEAL_DATA is not set (it names the folder of the real data sets)");
        return None;
    };
    let path = PathBuf::from(data).join("seal_selectors").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(PublishedSelector::from_pt(&bytes).unwrap())
}

/// Figures by position among the rows that were kept, and unsafe rows kept.
fn figures(mapping: &RowMapping, logits: &[f64]) -> (Separation, Vec<u64>) {
    let placed = mapping.place(logits).unwrap();
    let figures = separation(&placed, &UNSAFE.parse().unwrap(), &KEEP_FRACTIONS, 0).unwrap();
    let unsafe_rows = figures.unsafe_rows as f64;
    let counts = figures.kept.iter().map(|kept| kept.unsafe_share.unwrap() * unsafe_rows);
    let counts = counts.map(|count| count.round() as u64).collect();
    (figures, counts)
}

#[test]
fn llama3() {
    let Some(selector) = published("seal_selector_llama3.pt") else { return };
    assert_eq!((selector.name.as_str(), selector.logits.len()), ("llama3_softmax", 111_900));
    assert!((selector.logits.iter().sum::<f64>() - 2_571_304.113_716_125_5).abs() < 1e-6);
    let (figures, counts) = figures(&RowMapping::identity(111_900), &selector.logits);
    assert!((figures.auroc.unwrap() - 0.894_561_475_637_779).abs() < 1e-12);
    assert_eq!(
        figures.kept.iter().map(|k| k.rows).collect::<Vec<_>>(),
        [22_380, 44_760, 67_140, 89_520, 100_710]
    );
    assert_eq!(counts, [557, 1992, 3198, 5638, 11718]);
    // As percent: 2.5, 8.9, 14.3, 25.2, 52.3.
}

#[test]
fn pythia() {
    let Some(selector) = published("seal_selector_pyt.pt") else { return };
    assert_eq!((selector.name.as_str(), selector.logits.len()), ("pyt_softmax_ep2", 111_887));
    assert!((selector.logits.iter().sum::<f64>() - 1_390_969.373_099_327).abs() < 1e-6);
    let (figures, counts) = figures(&RowMapping::identity(111_887), &selector.logits);
    assert!((figures.auroc.unwrap() - 0.847_281_378_598_941_6).abs() < 1e-12);
    // As percent: 6.4, 12.4, 18.7, 32.9, 56.0.
    assert_eq!(counts, [1442, 2782, 4192, 7369, 12540]);
}

/// The published file is not public, so which rows were dropped is not known;
/// that all came after the unsafe block is. Any such mapping gives the same.
#[test]
fn the_figures_do_not_depend_on_which_later_rows_were_dropped() {
    let Some(selector) = published("seal_selector_llama3.pt") else { return };
    let dropped: Vec<usize> = (0..100).map(|i| 30_000 + 811 * i).collect();
    let mapping = RowMapping::from_dropped(FILE_ROWS, dropped).unwrap();
    let (mapped, counts) = figures(&mapping, &selector.logits);
    assert_eq!(mapped, figures(&RowMapping::identity(111_900), &selector.logits).0);
    assert_eq!(counts[3], 5638);
}
