//! What tables of judges of pairs and of single answers have in common.

use std::collections::BTreeMap;

use crate::{JudgingCost, Opinion, Results, Standing, number, view};

use super::{TableCell, TableRow};

/// The judges with the names of their tests: the `deciding` ones, then the others, which `further` finds
/// in an opinion.
pub(super) fn all<'a, T>(
    results: &'a Results,
    deciding: &'a BTreeMap<String, T>,
    further: impl Fn(&'a Opinion) -> Option<&'a T> + Copy,
) -> Vec<(String, &'a T)> {
    let tests = view::order_tests(deciding.keys().map(String::as_str));
    let first = tests
        .into_iter()
        .filter_map(|test| Some((view::test_title(results, test), deciding.get(test)?)));
    let others = results.opinions.iter().flat_map(|(test, opinions)| {
        opinions.iter().filter_map(move |(name, opinion)| {
            let label = format!("{}, {name}", view::test_label(test));
            Some((view::marked(&label, opinion.has_failed()), further(opinion)?))
        })
    });
    first.chain(others).collect()
}

/// Replies, their tokens and their money; without a cost, that there is none.
pub(super) fn spent(cost: Option<&JudgingCost>) -> impl Iterator<Item = TableCell> {
    let count = |of: fn(&JudgingCost) -> u64| {
        cost.map_or_else(|| number::ABSENT.to_owned(), |cost| number::count(of(cost)))
    };
    let counts = [
        count(|cost| cost.replies),
        count(|cost| cost.input_tokens),
        count(|cost| cost.output_tokens),
    ];
    let money = cost.and_then(|cost| cost.money);
    let money = number::or_absent(money, |money| number::fixed(money, 4));
    counts.into_iter().chain([money]).map(TableCell::from)
}

/// How a judge did on the canaries of one kind.
pub(super) fn of_canary(
    label: &str,
    (kind, standing): (&str, Standing),
    counts: impl IntoIterator<Item = u64>,
) -> TableRow {
    let mut cells: Vec<TableCell> = vec![kind.to_owned().into()];
    cells.extend(counts.into_iter().map(|count| TableCell::from(number::count(count))));
    let (strong, text) = (standing == Standing::Failed, standing.name().to_owned());
    cells.push(TableCell { text, strong, shade: None });
    TableRow { label: label.to_owned(), cells }
}

/// Says how many replies the server counted no tokens of, if any.
pub(super) fn estimated<'a>(costs: impl Iterator<Item = &'a JudgingCost>) -> Option<String> {
    let estimated: u64 = costs.map(|cost| cost.estimated).sum();
    (estimated > 0).then(|| {
        format!(
            "The tokens of {} replies are estimated, because the server counts none.",
            number::count(estimated)
        )
    })
}
