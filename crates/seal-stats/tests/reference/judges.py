"""Golden values for the figures of judges in seal-stats, from other people's programs.

Needs numpy, scipy, statsmodels, scikit-learn and krippendorff. Run it from anywhere:

    python tests/reference/judges.py

It writes ../golden/judges.json. The most likely weights are those of statsmodels' binomial GLM with
fractions as its response. Firth's penalised likelihood is maximised by scipy without derivatives.
Kappas are those of scikit-learn and statsmodels, alpha is that of krippendorff.
"""

import json
import math
import warnings
from pathlib import Path

import krippendorff
import numpy as np
import statsmodels.api as sm
from scipy import optimize, special
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

rng = np.random.default_rng(20250815)


def features(excess):
    return np.tanh(excess / excess.std(ddof=1))


def length():
    out = []
    for n, level, slope, kind in ((60, 0.3, 1.0, "soft"), (200, -1.0, 2.5, "hard"),
                                  (400, 2.0, -0.5, "ties"), (25, 0.0, 0.0, "soft"),
                                  (805, 1.5, 0.8, "soft")):
        excess = np.round(rng.normal(200, 900, size=n) * rng.choice([0.1, 1.0], size=n))
        p = special.expit(level + slope * features(excess) + rng.normal(size=n))
        won = (rng.random(n) < p).astype(float)
        worths = {"soft": np.clip(0.9 * p + 0.1 * won, 0, 1), "hard": won,
                  "ties": np.where(rng.random(n) < 0.3, 0.5, won)}[kind]
        design = np.column_stack([features(excess), np.ones(n)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It warns that fractions are no counts.
            model = sm.GLM(worths, design, family=sm.families.Binomial())
            found = model.fit(maxiter=100, tol=1e-14, tol_criterion="params")
        out.append(dict(worths=worths.tolist(), excess=excess.tolist(), slope=found.params[0],
                        rate=special.expit(found.params[1])))
    return out


def firth():
    """Worths that length separates; the last two in part only."""
    out = []
    for worths, excess in (
        ([0, 0, 0, 1, 1, 1, 1], [-300, -120, -40, 10, 90, 200, 800]),
        ([1, 1, 1, 1, 1, 0], [100, 250, -30, 40, 60, -900]),
        ([1, 1, 0, 0, 0], [-5, -2, 1, 3, 4]),
        ([0, 0, 0.5, 1, 1], [-200, -100, 0, 100, 400]),
        ([0, 0, 0, 1, 1, 1], [-200, -100, 50, 50, 100, 400]),
    ):
        worths, excess = np.array(worths, float), np.array(excess, float)
        design = np.column_stack([features(excess), np.ones(len(worths))])

        def height(w):
            x = design @ w
            p = special.expit(x)
            information = design.T @ (design * (p * (1 - p))[:, None])
            return -(worths @ special.log_expit(x) + (1 - worths) @ special.log_expit(-x)
                     + np.linalg.slogdet(information)[1] / 2)

        best = optimize.minimize(height, [0.0, 0.0], method="Nelder-Mead",
                                 options=dict(xatol=1e-12, fatol=1e-15, maxiter=10_000))
        out.append(dict(worths=worths.tolist(), excess=excess.tolist(), slope=best.x[0],
                        rate=special.expit(best.x[1])))
    return out


def kappa():
    out = []
    for n, k, copied in ((50, 2, 0.6), (200, 3, 0.4), (300, 5, 0.0), (120, 3, 0.9)):
        a = rng.choice(k, size=n, p=rng.dirichlet(np.ones(k)))
        b = np.where(rng.random(n) < copied, a, rng.integers(k, size=n))
        labels = list(range(k))
        out.append(dict(categories=k, a=a.tolist(), b=b.tolist(),
                        nominal=cohen_kappa_score(a, b, labels=labels),
                        quadratic=cohen_kappa_score(a, b, labels=labels, weights="quadratic")))
    return out


def fleiss():
    out = []
    for items, raters, k in ((40, 3, 2), (60, 5, 3), (15, 2, 4)):
        truth = rng.integers(k, size=(items, 1))
        labels = np.where(rng.random((items, raters)) < 0.6, truth, rng.integers(k, size=(items, raters)))
        counts = np.array([[(row == c).sum() for c in range(k)] for row in labels])
        out.append(dict(counts=counts.tolist(), kappa=fleiss_kappa(counts, method="fleiss")))
    return out


def alpha():
    out = []
    for items, raters, k, missing in ((40, 3, 2, 0.0), (60, 4, 3, 0.3), (30, 2, 4, 0.5)):
        truth = rng.integers(k, size=(items, 1))
        labels = np.where(rng.random((items, raters)) < 0.7, truth, rng.integers(k, size=(items, raters)))
        labels = np.where(rng.random((items, raters)) < missing, np.nan, labels.astype(float))
        found = krippendorff.alpha(labels.T, level_of_measurement="nominal", value_domain=list(range(k)))
        out.append(dict(categories=k, alpha=found,
                        items=[[None if math.isnan(v) else int(v) for v in row] for row in labels]))
    return out


golden = {f.__name__: f() for f in (length, firth, kappa, fleiss, alpha)}
path = Path(__file__).parent.parent / "golden" / "judges.json"
lines = ",\n".join(
    f' "{name}": [\n' + ",\n".join("  " + json.dumps(case, default=float) for case in cases) + "\n ]"
    for name, cases in golden.items())
path.write_text("{\n" + lines + "\n}\n")
