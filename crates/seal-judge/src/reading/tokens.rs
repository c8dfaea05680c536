//! A verdict by the probabilities of a reply's first token.

use super::reply::TokenProbabilities;
use super::settings::VerdictSettings;

/// Probability that the answer shown first is better, among the labels, in [0, 1].
///
/// With p the probability of the first answer's labels together and q that of the second's, it is
/// p / (p + q). For one label each this is AlpacaEval's exp(lp - logsumexp(lp, lq)). A label that
/// was not sent has probability 0. `None` where neither was sent, or where p + q is below
/// `least_mass`.
///
/// The first token with a visible character counts.
pub(super) fn by_tokens(
    settings: &VerdictSettings,
    positions: &[TokenProbabilities],
) -> Option<f64> {
    let is_blank = |position: &&TokenProbabilities| position.token.trim().is_empty();
    let position = positions.iter().find(|position| !is_blank(position))?;
    let mass = |labels: &[String]| {
        let is_one = |token: &str| labels.iter().any(|label| settings.same(label, token));
        position.choices.iter().filter(|(token, _)| is_one(token)).map(|(_, p)| p.exp()).sum()
    };
    let (first, second): (f64, f64) = (mass(&settings.first), mass(&settings.second));
    let sum = first + second;
    (sum > 0.0 && sum >= settings.least_mass).then(|| (first / sum).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let of = |choices: &[(&str, f64)]| by_tokens(&alpaca(), &[position("m", choices)]);
        // exp(lp_m - logsumexp(lp_m, lp_M)), by Python's math module.
        let p = of(&[("m", -0.25), ("M", -1.5), ("Model", -9.0)]).unwrap();
        assert!((p - 0.777_299_861_174_691_1).abs() < 1e-15, "{p}");
        assert_eq!(of(&[("m", -0.1)]), Some(1.0));
        assert_eq!(of(&[("M", -0.1)]), Some(0.0));
        assert_eq!(of(&[(" m", -0.1), ("x", -3.0)]), None);
        assert_eq!(by_tokens(&alpaca(), &[]), None);
    }

    #[test]
    fn variants_of_a_label_are_added_where_case_and_space_do_not_count() {
        let settings = VerdictSettings::default();
        let choices = [("A", -1.0), (" A", -2.0), ("a", -3.0), ("B", -1.5)];
        let p = by_tokens(&settings, &[position("A", &choices)]).unwrap();
        let first: f64 = [-1.0_f64, -2.0, -3.0].iter().map(|p| p.exp()).sum();
        let second = (-1.5_f64).exp();
        assert!((p - first / (first + second)).abs() < 1e-15);
    }

    #[test]
    fn a_reply_that_is_about_to_say_something_else_is_no_verdict() {
        let settings = VerdictSettings::default();
        let reasoning = position("The", &[("The", -0.05), ("A", -3.2), ("B", -6.0)]);
        assert_eq!(by_tokens(&settings, &[reasoning]), None);
        let blank = [position("\n", &[("\n", -0.1)]), position("B", &[("B", -0.1), ("A", -2.4)])];
        assert!(by_tokens(&settings, &blank).unwrap() < 0.5);
    }
}
