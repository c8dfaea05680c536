//! Phrases with figures of one arm.

use serde::Deserialize;

use crate::markdown::escape;
use crate::seeds::{OverSeeds, unsafe_kept};
use crate::{Arm, number, view};

use super::error::SpecError;

/// A phrase such as `AUROC {auroc}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Phrase(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Figure(NamedFigure),
}

/// A figure of an arm by the name that phrases give it.
#[derive(Debug, Clone, PartialEq)]
enum NamedFigure {
    Auroc,
    UnsafeKept,
    SpearmanToSeal,
    MeanWeight,
    Clamped,
    Dead,
    /// The win rate on a test.
    WinRate(String),
}

/// Every name; a test's name follows that of the win rate.
const NAMES: [&str; 7] =
    ["auroc", "unsafe-kept", "spearman-to-seal", "mean-weight", "clamped", "dead", "win-rate:TEST"];

impl NamedFigure {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auroc" => Self::Auroc,
            "unsafe-kept" => Self::UnsafeKept,
            "spearman-to-seal" => Self::SpearmanToSeal,
            "mean-weight" => Self::MeanWeight,
            "clamped" => Self::Clamped,
            "dead" => Self::Dead,
            _ => Self::WinRate(name.strip_prefix("win-rate:")?.to_owned()),
        })
    }

    /// The figure as text; `None` where the arm does not have it.
    fn of(&self, arm: &Arm) -> Option<String> {
        let weights = || arm.selection.as_ref().map(|s| &s.weights);
        match self {
            Self::Auroc => Some(OverSeeds::of(arm, |c| c.auroc)?.text(|x| number::fixed(x, 3))),
            Self::UnsafeKept => Some(unsafe_kept(arm)?.text(number::share)),
            Self::SpearmanToSeal => {
                let rho = arm.selection.as_ref()?.ranking.spearman_to_seal?;
                Some(number::fixed(rho, 3))
            }
            Self::MeanWeight => Some(number::fixed(weights()?.mean_p?, 2)),
            Self::Clamped => Some(number::share(weights()?.clamped?)),
            Self::Dead => Some(number::share(weights()?.dead?)),
            Self::WinRate(test) => Some(view::win_text(arm, arm.win_rate.get(test)?)),
        }
    }
}

impl TryFrom<String> for Phrase {
    type Error = SpecError;

    fn try_from(phrase: String) -> Result<Self, SpecError> {
        let mut pieces = Vec::new();
        let mut rest = phrase.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let named = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some((name, after)) = named else { return Err(SpecError::Brace { phrase }) };
            let Some(figure) = NamedFigure::named(name) else {
                let (name, known) = (name.to_owned(), NAMES.to_vec());
                return Err(SpecError::UnknownFigure { phrase, name, known });
            };
            pieces.extend([Piece::Text(rest[..at].to_owned()), Piece::Figure(figure)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }
}

impl Phrase {
    /// The phrase in Markdown; `None` where the arm lacks a figure of it.
    pub(super) fn of(&self, arm: &Arm) -> Option<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Figure(figure) => figure.of(arm),
        };
        Some(escape(&self.0.iter().map(piece).collect::<Option<String>>()?))
    }
}
