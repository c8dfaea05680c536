//! A verdict by the probabilities of a reply's first token.

use super::reply::TokenProbabilities;
use super::settings::VerdictSettings;
use crate::pair::Judgement;

/// The judgement by the probabilities of the labels.
///
/// With p, q and t the probabilities of the first answer's labels together, the second's and those
/// of a tie, the first answer is better with probability (p + t / 2) / (p + q + t), in [0, 1]. It
/// is a tie where t is the largest. For one label each and none of a tie this is AlpacaEval's
/// exp(lp - logsumexp(lp, lq)). A label that was not sent has probability 0. `None` where none was
/// sent, or where p + q + t is below `least_mass`.
///
/// The first token with a visible character counts.
pub(super) fn by_tokens(
    settings: &VerdictSettings,
    positions: &[TokenProbabilities],
) -> Option<Judgement> {
    let is_blank = |position: &&TokenProbabilities| position.token.trim().is_empty();
    let position = positions.iter().find(|position| !is_blank(position))?;
    let mass = |labels: &[String]| {
        let is_one = |token: &str| labels.iter().any(|label| settings.same(label, token));
        position.choices.iter().filter(|(token, _)| is_one(token)).map(|(_, p)| p.exp()).sum()
    };
    let [first, second, tie]: [f64; 3] =
        [&settings.first, &settings.second, &settings.tie].map(|labels| mass(labels));
    let sum = first + second + tie;
    if sum <= 0.0 || sum < settings.least_mass {
        return None;
    }
    let p = ((first + tie / 2.0) / sum).clamp(0.0, 1.0);
    Some(if tie >= first.max(second) { Judgement::tie_at(p) } else { Judgement::by_probability(p) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::Outcome;

    fn by_p(settings: &VerdictSettings, positions: &[TokenProbabilities]) -> Option<f64> {
        by_tokens(settings, positions).and_then(Judgement::p_first)
    }

    fn alpaca() -> VerdictSettings {
        VerdictSettings {
            first: vec!["m".into()],
            second: vec!["M".into()],
            exact: true,
            least_mass: 0.0,
            ..VerdictSettings::default()
        }
    }

    fn position(token: &str, choices: &[(&str, f64)]) -> TokenProbabilities {
        let choices = choices.iter().map(|(token, p)| ((*token).to_owned(), *p)).collect();
        TokenProbabilities { token: token.to_owned(), choices }
    }

    #[test]
    fn the_probability_is_that_of_alpaca_eval() {
        let of = |choices: &[(&str, f64)]| by_p(&alpaca(), &[position("m", choices)]);
        // exp(lp_m - logsumexp(lp_m, lp_M)), by Python's math module.
        let p = of(&[("m", -0.25), ("M", -1.5), ("Model", -9.0)]).unwrap();
        assert!((p - 0.777_299_861_174_691_1).abs() < 1e-15, "{p}");
        assert_eq!(of(&[("m", -0.1)]), Some(1.0));
        assert_eq!(of(&[("M", -0.1)]), Some(0.0));
        assert_eq!(of(&[(" m", -0.1), ("x", -3.0)]), None);
        assert_eq!(by_p(&alpaca(), &[]), None);
    }

    #[test]
    fn variants_of_a_label_are_added_where_case_and_space_do_not_count() {
        let settings = VerdictSettings::default();
        let choices = [("A", -1.0), (" A", -2.0), ("a", -3.0), ("B", -1.5)];
        let p = by_p(&settings, &[position("A", &choices)]).unwrap();
        let first: f64 = [-1.0_f64, -2.0, -3.0].iter().map(|p| p.exp()).sum();
        let second = (-1.5_f64).exp();
        assert!((p - first / (first + second)).abs() < 1e-15);
    }

    #[test]
    fn a_reply_that_is_about_to_say_something_else_is_no_verdict() {
        let settings = VerdictSettings::default();
        let reasoning = position("The", &[("The", -0.05), ("A", -3.2), ("B", -6.0)]);
        assert_eq!(by_p(&settings, &[reasoning]), None);
        let blank = [position("\n", &[("\n", -0.1)]), position("B", &[("B", -0.1), ("A", -2.4)])];
        assert!(by_p(&settings, &blank).unwrap() < 0.5);
    }

    #[test]
    fn a_tie_is_one_and_is_neither_a_win_nor_a_loss() {
        let settings = VerdictSettings { tie: vec!["C".into()], ..VerdictSettings::default() };
        let of = |p: f64, q: f64, t: f64| {
            let choices = [("A", p.ln()), ("B", q.ln()), ("C", t.ln())];
            let found = by_tokens(&settings, &[position("C", &choices)]).unwrap();
            (found.outcome(), found.p_first().unwrap())
        };
        for (masses, outcome, p) in [
            ((0.2, 0.1, 0.7), Outcome::Tie, 0.55),
            ((0.1, 0.2, 0.7), Outcome::Tie, 0.45),
            ((0.0, 0.0, 0.9), Outcome::Tie, 0.5),
            ((0.6, 0.1, 0.3), Outcome::First, 0.75),
            ((0.1, 0.6, 0.3), Outcome::Second, 0.25),
            ((0.4, 0.0, 0.4), Outcome::Tie, 0.75),
        ] {
            let found = of(masses.0, masses.1, masses.2);
            assert!(found.0 == outcome && (found.1 - p).abs() < 1e-12, "{masses:?}: {found:?}");
        }
    }
}
