//! DSIR: rows chosen by how much their words look like a target's.
//!
//! Data selection with importance resampling (Xie, Santurkar, Ma and Liang,
//! "Data Selection for Language Models via Importance Resampling", 2023)
//! hashes a text's n-grams into buckets, estimates from the counts how
//! probable each bucket is in a target and in the raw data, and draws rows
//! without replacement in proportion to the ratio of the two probabilities of
//! their n-grams (section 3 of the paper). It needs no model, which makes it
//! the baseline for a selector that has one.
//!
//! The arithmetic is that of the authors' package `data-selection` 1.0.3,
//! class `HashedNgramDSIR`, and a test holds it against that package. Two
//! things differ on purpose. The raw data are counted whole: the package stops
//! reading them after 100 000 n-grams a bucket (10^9 by default), a point
//! that moves with its number of processes. And Gumbel noise belongs to a
//! row's id and a seed instead of the row's place in a shared stream.
//!
//! A weight is a sum over n-grams and not a mean. Where most weights are
//! negative, the shortest rows come first (an empty row weighs 0), and among
//! rows of unlike lengths weights lie so far apart that noise of a few nats
//! seldom reorders them. The package's answer is its least length of 100
//! tokens; see [`DsirSettings::min_tokens`].
//!
//! Results depend neither on the number of threads nor on the order of the
//! rows: counts are whole numbers, and a row's weight is summed in the row's
//! own order.

mod bucket;
mod settings;
mod words;

use rayon::prelude::*;
use seal_rows::RowId;
use seal_rows::seed::hash64;

use self::bucket::Bucketing;
pub use self::settings::DsirSettings;
pub use self::words::WordRule;
use self::words::WordTokens;
use crate::SelectError;

/// Added to a probability before its logarithm, as in the package. It bounds
/// the weight of a bucket that one side lacks.
const EPSILON: f64 = 1e-8;

/// Texts that a thread takes at a time.
const CHUNK: usize = 1024;

/// Omega of a row too short to be chosen: the lowest number, below every row
/// that can be. Finite, because a stored selection is JSON, which has no
/// infinity.
pub const DSIR_EXCLUDED: f64 = f64::MIN;

/// An importance estimator fitted to raw and target texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Dsir {
    settings: DsirSettings,
    /// For each bucket, log of its probability in the target less that in the
    /// raw data, in nats.
    log_ratio: Vec<f64>,
}

/// What DSIR says about each of a list of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct DsirWeights {
    /// Log importance weight of each text, in nats: the sum over its n-grams of
    /// log p_target - log p_raw. 0 where there are no n-grams. Not normalised:
    /// it grows with the length of a text, in either direction.
    pub log_weights: Vec<f64>,
    /// Whether each text has the tokens it needs to be chosen.
    pub long_enough: Vec<bool>,
}

impl Dsir {
    /// Estimates the probability of each bucket in `raw` and in `target`
    /// (`fit_importance_estimator` of the package).
    ///
    /// Takes 4 bytes of memory for each n-gram while it runs: for short rows
    /// of English, about the size of the text once more.
    ///
    /// # Errors
    /// If a setting is outside its range, or if the raw or the target texts
    /// have no token between them.
    pub fn fit<R, T>(settings: DsirSettings, raw: &[R], target: &[T]) -> Result<Self, SelectError>
    where
        R: AsRef<str> + Sync,
        T: AsRef<str> + Sync,
    {
        settings.check()?;
        Self::fit_hashed(settings, &hash(&settings, raw), target)
    }

    /// As [`Dsir::fit`] and then [`Dsir::weigh`] of the raw texts, hashing
    /// them only once.
    ///
    /// # Errors
    /// As [`Dsir::fit`].
    pub fn fit_and_weigh<R, T>(
        settings: DsirSettings,
        raw: &[R],
        target: &[T],
    ) -> Result<(Self, DsirWeights), SelectError>
    where
        R: AsRef<str> + Sync,
        T: AsRef<str> + Sync,
    {
        settings.check()?;
        let raw = hash(&settings, raw);
        let fitted = Self::fit_hashed(settings, &raw, target)?;
        let weights = fitted.weigh_hashed(&raw);
        Ok((fitted, weights))
    }

    fn fit_hashed<T: AsRef<str> + Sync>(
        settings: DsirSettings,
        raw: &[Hashed],
        target: &[T],
    ) -> Result<Self, SelectError> {
        let raw = Frequencies::of(settings.buckets, raw, "the raw data")?;
        let target = hash(&settings, target);
        let target = Frequencies::of(settings.buckets, &target, "the target")?;
        let log_ratio = (0..settings.buckets)
            .map(|b| (target.share(b) + EPSILON).ln() - (raw.share(b) + EPSILON).ln())
            .collect();
        Ok(Self { settings, log_ratio })
    }

    /// Weighs `texts`, which need not be those of the fit
    /// (`compute_importance_weights` of the package).
    pub fn weigh<S: AsRef<str> + Sync>(&self, texts: &[S]) -> DsirWeights {
        self.weigh_hashed(&hash(&self.settings, texts))
    }

    fn weigh_hashed(&self, texts: &[Hashed]) -> DsirWeights {
        let weighed: Vec<(f64, bool)> = texts
            .par_iter()
            .flat_map_iter(|chunk| chunk.texts())
            .map(|buckets| {
                let log_weight = buckets.iter().map(|b| self.log_ratio[*b as usize]).sum();
                let tokens = self.settings.tokens(buckets.len());
                (log_weight, tokens >= self.settings.min_tokens)
            })
            .collect();
        let (log_weights, long_enough) = weighed.into_iter().unzip();
        DsirWeights { log_weights, long_enough }
    }
}

impl DsirWeights {
    /// Log weights with Gumbel noise, one number of `noise` a text, and
    /// [`DSIR_EXCLUDED`] for texts too short to be chosen.
    ///
    /// The texts with the k largest results are a draw of k texts without
    /// replacement, each time in proportion to the importance weights that are
    /// left (the Gumbel top-k trick, `resample` of the package). With noise 0
    /// they are the k texts of the largest weights. Where k is more than the
    /// texts that are long enough, the package fails; a ranking goes on with
    /// the excluded ones, in the order of its tie-break.
    ///
    /// # Errors
    /// If lengths differ, the noise is not finite, or no text is long enough.
    pub fn resample(&self, noise: &[f64]) -> Result<Vec<f64>, SelectError> {
        let weights = ("log weights", self.log_weights.len());
        SelectError::if_lengths_differ(weights, ("noise", noise.len()))?;
        if let Some(&value) = noise.iter().find(|g| !g.is_finite()) {
            return Err(SelectError::InvalidSetting {
                name: "DSIR's noise",
                value,
                need: "finite",
            });
        }
        if !self.long_enough.contains(&true) {
            return Err(SelectError::NoneLongEnough);
        }
        let texts = self.log_weights.iter().zip(&self.long_enough).zip(noise);
        Ok(texts.map(|((w, long), g)| if *long { w + g } else { DSIR_EXCLUDED }).collect())
    }
}

/// Standard Gumbel noise, each number a hash of `seed` and the row's id, so
/// that a row's luck does not depend on the file it sits in.
pub fn gumbel_noise(ids: &[RowId], seed: u64) -> Vec<f64> {
    ids.par_iter()
        .map(|id| {
            let hash = hash64(&["DSIR noise".into(), seed.into(), id.into()]);
            // 52 bits and a half step: exact, and neither 0 nor 1, where the
            // noise would be infinite.
            let uniform = ((hash >> 12) as f64 + 0.5) * 2f64.powi(-52);
            -(-uniform.ln()).ln()
        })
        .collect()
}

/// Logits of the DSIR selection of `rows`, named by `ids`, towards `target`:
/// log weight plus Gumbel noise. The best k of their ranking are the resample.
///
/// # Errors
/// If `ids` and `rows` differ in length, and as [`Dsir::fit`] and
/// [`DsirWeights::resample`].
///
/// ```
/// use seal_rows::RowId;
/// use seal_select::{DsirSettings, dsir_omega, keep_top, rank};
///
/// let rows = ["stir the soup", "sell the stock", "salt the soup", "short the stock"];
/// let ids: Vec<RowId> = rows.iter().map(|r| RowId::of(r, "", 0)).collect();
/// let target = ["soup with salt", "the soup"];
/// let settings = DsirSettings { min_tokens: 0, ..Default::default() };
/// let omega = dsir_omega(settings, &ids, &rows, &target, 7)?;
/// let order = rank(&ids, &omega, 7)?;
/// assert!(keep_top(&order, 0.5)?.contains(&2));
/// # Ok::<(), seal_select::SelectError>(())
/// ```
pub fn dsir_omega<R, T>(
    settings: DsirSettings,
    ids: &[RowId],
    rows: &[R],
    target: &[T],
    seed: u64,
) -> Result<Vec<f64>, SelectError>
where
    R: AsRef<str> + Sync,
    T: AsRef<str> + Sync,
{
    SelectError::if_lengths_differ(("row ids", ids.len()), ("rows", rows.len()))?;
    let (_, weights) = Dsir::fit_and_weigh(settings, rows, target)?;
    weights.resample(&gumbel_noise(ids, seed))
}

/// The buckets of a few texts' n-grams.
struct Hashed {
    buckets: Vec<u32>,
    /// Where each text's buckets end.
    ends: Vec<usize>,
}

impl Hashed {
    fn texts(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.buckets[*start..*end])
    }
}

/// Hashes the n-grams of `texts`, chunk by chunk.
fn hash<S: AsRef<str> + Sync>(settings: &DsirSettings, texts: &[S]) -> Vec<Hashed> {
    let bucketing = Bucketing::new(settings.buckets as u32);
    let hash_chunk = |tokens: &mut WordTokens, texts: &[S]| {
        let mut hashed = Hashed { buckets: Vec::new(), ends: Vec::with_capacity(texts.len()) };
        for text in texts {
            tokens.read(text.as_ref(), settings.words);
            for n in 1..=settings.ngrams {
                hashed.buckets.extend(tokens.ngrams(n).map(|ngram| bucketing.of(ngram)));
            }
            hashed.ends.push(hashed.buckets.len());
        }
        hashed.buckets.shrink_to_fit();
        hashed
    };
    texts.par_chunks(CHUNK).map_init(WordTokens::default, hash_chunk).collect()
}

/// How often each bucket occurs.
struct Frequencies {
    counts: Vec<u64>,
    total: u64,
}

impl Frequencies {
    /// # Errors
    /// If there is no n-gram, so that no share is defined.
    fn of(buckets: usize, texts: &[Hashed], what: &'static str) -> Result<Self, SelectError> {
        let mut counts = vec![0; buckets];
        for bucket in texts.iter().flat_map(|chunk| &chunk.buckets) {
            counts[*bucket as usize] += 1;
        }
        match counts.iter().sum() {
            0 => Err(SelectError::NoTokens { what }),
            total => Ok(Self { counts, total }),
        }
    }

    fn share(&self, bucket: usize) -> f64 {
        self.counts[bucket] as f64 / self.total as f64
    }
}
