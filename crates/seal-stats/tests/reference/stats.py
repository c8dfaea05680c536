"""Golden values for seal-stats, from SciPy and dense NumPy.

Needs numpy and scipy 1.11 or later. Run it from anywhere:

    python tests/reference/stats.py

It writes ../golden/stats.json. The variance components are computed here from projection matrices
over the full design, not from the normal equations that the crate solves; Holm's correction from
its definition as a closed maximum, not from a running one.
"""

import json
import math
from pathlib import Path

import numpy as np
from scipy import integrate, optimize, stats

rng = np.random.default_rng(20250301)


def verdicts(n, s, win=0.5, tie=0.3, missing=0.0):
    """Verdicts with prompt and seed effects, shape (n, s); NaN where missing."""
    z = rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=(1, s)) + rng.normal(size=(n, s))
    z /= math.sqrt(2)
    hi = stats.norm.ppf(1 - (1 - tie) * win)
    lo = stats.norm.ppf((1 - tie) * (1 - win))
    x = np.where(z > hi, 1.0, np.where(z < lo, 0.0, 0.5))
    x[rng.random((n, s)) < missing] = np.nan
    return x


def flat(x):
    return [None if math.isnan(v) else float(v) for v in x.ravel()]


def bca():
    """The pieces of scipy.stats.bootstrap(method="BCa") for a fixed bootstrap distribution."""
    out = []
    for n, win in ((40, 0.2), (100, 0.9), (12, 0.5)):
        values = np.nanmean(verdicts(n, 3, win), axis=1)
        means = np.sort(values[rng.integers(n, size=(400, n))].mean(axis=1))
        estimate = values.mean()
        below = (means < estimate - 1e-12).sum() + (means <= estimate + 1e-12).sum()
        z0 = stats.norm.ppf(below / (2 * len(means)))
        left_out = np.array([np.delete(values, i).mean() for i in range(n)])
        u = (n - 1) * (left_out.mean() - left_out)
        a = (u**3).sum() / n**3 / (6 * ((u**2).sum() / n**2) ** 1.5)
        z = stats.norm.ppf([0.025, 0.975])
        alpha = stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
        lo, hi = np.quantile(means, alpha)
        out.append(dict(values=values.tolist(), means=means.tolist(), a=a, z0=z0,
                        alpha_lo=alpha[0], alpha_hi=alpha[1], lo=lo, hi=hi))
    return out


def bca_interval():
    out = []
    for n, win, tie in ((100, 0.1, 0.0), (60, 0.5, 0.8), (300, 0.9, 0.3)):
        values = verdicts(n, 1, win, tie).ravel()
        ci = stats.bootstrap((values,), np.mean, n_resamples=100_000, batch=10_000,
                             method="BCa", rng=rng)
        out.append(dict(values=values.tolist(), lo=ci.confidence_interval.low,
                        hi=ci.confidence_interval.high, se=ci.standard_error))
    return out


def student():
    return [dict(df=df, level=level, t=t, quantile=stats.t.ppf((1 + level) / 2, df),
                 p=2 * stats.t.sf(t, df))
            for df in (1.0, 2.0, 3.7, 12.25, 99.0, 299.0)
            for level, t in ((0.95, 0.4), (0.9, 2.2), (0.99, 7.5))]


def wilson_score(share, n, z):
    """Both roots of (share - q)^2 = z^2 q (1 - q) / n."""
    roots = np.roots([1 + z**2 / n, -2 * share - z**2 / n, share**2])
    return float(roots.real.min()), float(roots.real.max())


def wilson():
    out = []
    for k, n, level in ((0, 300, 0.95), (1, 300, 0.95), (150, 300, 0.9), (300, 300, 0.99), (2, 7, 0.95)):
        ci = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        out.append(dict(share=k / n, n=n, level=level, lo=ci.low, hi=ci.high))
    return out


def components(x):
    """The three spreads and V of a matrix with NaN for missing, by projections."""
    n, s = x.shape
    seen = ~np.isnan(x)
    i, j = np.nonzero(seen)
    y = x[seen]
    prompts = np.eye(n)[i]
    seeds = np.eye(s)[j]
    means = np.nanmean(x, axis=1)
    # Seed effects orthogonal to the prompts, minimum norm, hence centred.
    off_prompts = np.eye(len(y)) - prompts @ np.linalg.pinv(prompts)
    x_seeds = off_prompts @ seeds
    effect = np.linalg.pinv(x_seeds, rcond=1e-9) @ y
    both = np.hstack([prompts, seeds])
    residual = y - both @ np.linalg.pinv(both, rcond=1e-9) @ y
    s2_inter = residual @ residual / (len(y) - n - s + 1)
    noise = np.trace(np.linalg.pinv(x_seeds.T @ x_seeds, rcond=1e-9)) / (s - 1)
    weight = (seen / seen.sum(axis=1, keepdims=True)).mean(axis=0)
    s2_prompt, s2_seed = means.var(ddof=1), effect.var(ddof=1)
    a = s2_prompt / n
    b = (weight**2).sum() * s2_seed
    v = a + max(0.0, b - (weight**2).sum() * noise * s2_inter)
    if seen.all():
        plain = s2_prompt / n + s2_seed / s - s2_inter / (n * s)
        assert math.isclose(v, max(plain, s2_prompt / n)), (v, plain)
        assert math.isclose(s2_seed, x.mean(axis=0).var(ddof=1))
    spread = dict(a=a, b=b, e=(weight**2).sum() * noise * s2_inter, n=n, s=s)
    return dict(mean=means.mean(), s2_prompt=s2_prompt, s2_seed=s2_seed, s2_inter=s2_inter, v=v), spread


def generalised_p(d, a, b, e, n, s):
    """Two-sided generalised p-value of an error d, by adaptive quadrature over chi-squared.

    a is the prompts' part of the variance, b the mean square of the seeds' and e the residual in it.
    """
    k = s - 1
    kink = k * b / e if e > 0 else np.inf
    tail = lambda w: 2 * stats.norm.sf(d / np.sqrt(a + max(0.0, k * b / w - e)))
    def term(u):  # w = u^2 takes the pole of one degree of freedom away
        return tail(u * u) * stats.chi2.pdf(u * u, k) * 2 * u if u > 0 else 0.0
    end = min(math.sqrt(kink), 12.0)
    p = sum(integrate.quad(term, lo * end, hi * end, epsabs=1e-14, epsrel=1e-12, limit=500)[0]
            for lo, hi in ((0, 0.01), (0.01, 0.1), (0.1, 1)))
    p += stats.chi2.sf(kink, k) * 2 * stats.norm.sf(d / math.sqrt(a))
    return 2 * stats.t.sf(stats.norm.isf(p / 2), n - 1)


def half_width(spread, level=0.95):
    top = 20 * math.sqrt(spread["a"] + spread["b"])
    return optimize.brentq(lambda d: generalised_p(d, **spread) - (1 - level), 1e-9, top, xtol=1e-13)


def crossed():
    out = []
    for n, s, win, tie, missing in ((20, 3, 0.5, 0.3, 0.0), (40, 5, 0.8, 0.0, 0.0), (30, 3, 0.5, 0.3, 0.2),
                                    (25, 4, 0.3, 0.6, 0.1)):
        x = verdicts(n, s, win, tie, missing)
        x = x[~np.isnan(x).all(axis=1)]
        c, spread = components(x)
        size = c["mean"] * (1 - c["mean"]) / c["v"]
        reach = half_width(spread) / math.sqrt(c["v"])
        c["reach"] = reach
        lo, hi = wilson_score(c["mean"], size, reach)
        out.append(dict(prompts=x.shape[0], seeds=s, cells=flat(x), lo=lo, hi=hi, **c))
    return out


def paired():
    out = []
    for n, s, missing in ((30, 3, 0.0), (50, 5, 0.1)):
        a, b = verdicts(n, s, 0.6, 0.3, missing), verdicts(n, s, 0.5, 0.3, missing)
        d = a - b
        d = d[~np.isnan(d).all(axis=1)]
        c, spread = components(d)
        se = math.sqrt(c["v"])
        half = half_width(spread)
        out.append(dict(prompts=n, seeds=s, a=flat(a), b=flat(b), diff=c["mean"], se=se,
                        p=generalised_p(abs(c["mean"]), **spread), lo=c["mean"] - half,
                        hi=c["mean"] + half,
                        detectable=(stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * se))
    return out


def ranks():
    out = []
    for n, distinct in ((30, 5), (50, 1000)):
        a = rng.integers(distinct, size=n).astype(float)
        b = a + rng.integers(distinct, size=n)
        labels = (rng.random(n) < 0.3).astype(float)
        u = stats.mannwhitneyu(a[labels == 1], a[labels == 0]).statistic
        out.append(dict(a=a.tolist(), b=b.tolist(), labels=labels.tolist(),
                        ranks_a=stats.rankdata(a).tolist(), spearman=stats.spearmanr(a, b).statistic,
                        auroc=u / ((labels == 1).sum() * (labels == 0).sum())))
    return out


def holm():
    out = []
    for m in (1, 4, 12):
        p = rng.random(m) ** 3
        p[-1] = p[0]
        adjusted = [min(1.0, max((p > q).sum() * q + (p == q).sum() * q for q in p[p <= v])) for v in p]
        out.append(dict(p=p.tolist(), adjusted=adjusted))
    return out


golden = {f.__name__: f() for f in (bca, bca_interval, student, wilson, crossed, paired, ranks, holm)}
path = Path(__file__).parent.parent / "golden" / "stats.json"
path.parent.mkdir(exist_ok=True)
lines = ",\n".join(
    f' "{name}": [\n' + ",\n".join("  " + json.dumps(case, default=float) for case in cases) + "\n ]"
    for name, cases in golden.items())
path.write_text("{\n" + lines + "\n}\n")
