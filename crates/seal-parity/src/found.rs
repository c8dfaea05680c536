//! What a path gives.

/// What a path gives on one device: quantities by name, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Found(Vec<(String, Quantity)>);

/// One thing that two devices are compared by.
#[derive(Clone, Debug)]
pub enum Quantity {
    /// Numbers. The difference of two is the Euclidean distance over the norm of the reference, or
    /// over `least` if that is larger.
    Numbers {
        /// The numbers.
        values: Vec<f64>,
        /// A norm below which only rounding is left.
        least: f64,
    },
    /// Tokens or bytes. The difference of two is the share of places that differ. Places from the
    /// first near tie on do not count.
    Tokens {
        /// The tokens.
        tokens: Vec<u32>,
        /// Distance from the largest logit to the second, of each token that was chosen by them;
        /// none where all tokens count.
        gaps: Vec<f64>,
    },
}

impl Found {
    /// Adds `values` under `name`.
    pub(crate) fn numbers(&mut self, name: impl Into<String>, values: Vec<f64>) {
        self.0.push((name.into(), Quantity::Numbers { values, least: 0.0 }));
    }

    /// Adds vectors of which one may be zero but for rounding: each is held against a thousandth of
    /// the norm of them all at least.
    pub(crate) fn group(&mut self, name: &str, of: Vec<(String, Vec<f64>)>) {
        let all = norm(of.iter().flat_map(|(_, values)| values));
        let named = |(part, values)| {
            (format!("{name} {part}"), Quantity::Numbers { values, least: 1e-3 * all })
        };
        self.0.extend(of.into_iter().map(named));
    }

    /// Adds tokens that must be equal.
    pub(crate) fn tokens(&mut self, name: impl Into<String>, tokens: Vec<u32>) {
        self.chosen(name, tokens, Vec::new());
    }

    /// Adds tokens that were the likeliest, each with its distance to the second.
    pub(crate) fn chosen(&mut self, name: impl Into<String>, tokens: Vec<u32>, gaps: Vec<f64>) {
        self.0.push((name.into(), Quantity::Tokens { tokens, gaps }));
    }

    /// The quantities by name.
    pub fn quantities(&self) -> &[(String, Quantity)] {
        &self.0
    }
}

/// The Euclidean norm.
pub(crate) fn norm<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}
