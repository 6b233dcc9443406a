"""Makes statistics.json beside this file: python3 statistics.py > statistics.json (NumPy 2.4.6, SciPy 1.17.1)."""

import json

import numpy as np
from scipy import stats
from scipy.optimize import curve_fit


def correlations(x, y):
    return {
        "x": [float(v) for v in x],
        "y": [float(v) for v in y],
        "srcc": float(stats.spearmanr(x, y).statistic),
        "krcc": float(stats.kendalltau(x, y, variant="b").statistic),
        "plcc": float(stats.pearsonr(x, y).statistic),
    }


def logistic(x, b1, b2, b3, b4, b5):
    return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5


def fit(x, y):
    """The best that curve_fit finds from three usual starts and that is no jump between neighbouring scores."""
    best = None
    centre, spread = np.mean(x), np.std(x)
    z = (x - centre) / spread  # curve_fit gives up on scales such as 0 to 100
    sign = np.sign(np.corrcoef(x, y)[0, 1])
    for steepness, middle in ((1, 0), (2, -1), (2, 1)):
        try:
            b, _ = curve_fit(logistic, z, y, p0=[sign * np.ptp(y), steepness, middle, 0, np.mean(y)], maxfev=20000)
        except RuntimeError:
            continue
        rss = float(np.sum((logistic(z, *b) - y) ** 2))
        if abs(b[1]) <= 10 and (best is None or rss < best[0]):
            best = rss, b
    rss, (b1, b2, b3, b4, b5) = best
    if b2 < 0:  # the same curve
        b1, b2 = -b1, -b2
    b = [b1, b2 / spread, centre + spread * b3, b4 / spread, b5 - b4 * centre / spread]
    return {"x": x.tolist(), "y": y.tolist(), "b": [float(v) for v in b], "rss": rss}


def main():
    np.seterr(all="ignore")
    rng = np.random.RandomState(7546)  # the arrays of SciPy's own test_normal_draws
    x = np.array([rng.normal(loc=1, scale=1, size=500), rng.normal(loc=1, scale=1, size=500)])
    x = np.dot(np.linalg.cholesky([[1.0, 0.3], [0.3, 1.0]]), x)
    draws = np.random.default_rng(20250220)
    tied = draws.integers(0, 9, 120)
    mos = np.round(np.clip(draws.normal(2.5, 1, 160), 0, 5), 3)
    noisy = np.round(0.8 * mos + draws.normal(0.4, 0.5, 160), 3)
    scores = np.round(draws.normal(50, 20, 160), 2)
    opinions = np.round(np.clip(logistic(scores, 4, 0.09, 45, 0, 2.4) + draws.normal(0, 0.4, 160), 0, 5), 3)
    print(json.dumps({
        "correlations": {
            "scipy test_normal_draws": correlations(x[0], x[1]),
            "many ties": correlations(tied, tied + draws.integers(-2, 3, 120)),
            "one side tied": correlations(mos[:80], np.floor(noisy[:80])),
        },
        "fits": {
            "noisy scores": fit(noisy, mos),
            "another scale": fit(scores, opinions),
            "lower is better": fit(300 - scores, opinions),
            "little noise": fit(
                mos, np.round(logistic(mos, 3, 2.5, 2.2, 0.3, 1.5) + draws.normal(0, 0.1, 160), 3)),
        },
    }, indent=1))


main()
