//! Every closed formula against SciPy, or against a dense NumPy computation of the same quantity.

use crate::crossed::Crossed;
use crate::golden::{cases, cells, close, list, number, size};
use crate::level::two_sided_p;
use crate::wilson::wilson;
use crate::{
    KappaWeights, Level, Outcomes, auroc, average_ranks, cohen_kappa, fleiss_kappa, holm,
    krippendorff_alpha, paired, spearman, study_interval,
};

#[test]
fn t_quantiles_and_p_values() {
    for case in cases("student") {
        let df = number(&case, "df");
        let quantile = Level::new(number(&case, "level")).unwrap().t(df);
        close(quantile / number(&case, "quantile"), 1.0, 1e-9);
        close(two_sided_p(number(&case, "t"), df) / number(&case, "p"), 1.0, 1e-8);
    }
}

#[test]
fn wilson_interval() {
    for case in cases("wilson") {
        let z = Level::new(number(&case, "level")).unwrap().z();
        let (lo, hi) = wilson(number(&case, "share"), number(&case, "n"), z);
        close(lo, number(&case, "lo"), 1e-12);
        close(hi, number(&case, "hi"), 1e-12);
    }
}

#[test]
fn variance_components() {
    for case in cases("crossed") {
        let (prompts, seeds) = (size(&case, "prompts"), size(&case, "seeds"));
        let outcomes = Outcomes::rates(prompts, seeds, cells(&case, "cells")).unwrap();
        let fit = Crossed::fit(&outcomes).unwrap();
        close(fit.mean, number(&case, "mean"), 1e-12);
        close(fit.s2_prompt, number(&case, "s2_prompt"), 1e-12);
        close(fit.s2_seed, number(&case, "s2_seed"), 1e-12);
        close(fit.s2_inter, number(&case, "s2_inter"), 1e-12);
        let study = study_interval(&outcomes, Level::P95).unwrap();
        close(study.se.powi(2), number(&case, "v"), 1e-12);
        close(study.reach, number(&case, "reach"), 1e-5);
        close(study.lo, number(&case, "lo"), 1e-6);
        close(study.hi, number(&case, "hi"), 1e-6);
    }
}

#[test]
fn paired_comparison() {
    for case in cases("paired") {
        let (prompts, seeds) = (size(&case, "prompts"), size(&case, "seeds"));
        let arm = |key| Outcomes::rates(prompts, seeds, cells(&case, key)).unwrap();
        let found = paired(&arm("a"), &arm("b"), Level::P95).unwrap().unwrap();
        close(found.diff, number(&case, "diff"), 1e-12);
        close(found.se, number(&case, "se"), 1e-12);
        close(found.p, number(&case, "p"), 1e-6);
        close(found.lo, number(&case, "lo"), 1e-6);
        close(found.hi, number(&case, "hi"), 1e-6);
        close(found.detectable, number(&case, "detectable"), 1e-12);
    }
}

#[test]
fn ranks_correlation_and_auroc() {
    for case in cases("ranks") {
        let (a, b) = (list(&case, "a"), list(&case, "b"));
        assert_eq!(average_ranks(&a).unwrap(), list(&case, "ranks_a"));
        close(spearman(&a, &b).unwrap().unwrap(), number(&case, "spearman"), 1e-12);
        let labels: Vec<bool> = list(&case, "labels").iter().map(|v| *v == 1.0).collect();
        close(auroc(&a, &labels).unwrap().unwrap(), number(&case, "auroc"), 1e-12);
    }
}

#[test]
fn holm_correction() {
    for case in cases("holm") {
        let adjusted = holm(&list(&case, "p")).unwrap();
        for (got, want) in std::iter::zip(adjusted, list(&case, "adjusted")) {
            close(got, want, 1e-12);
        }
    }
}

#[test]
fn agreement_of_raters() {
    let labels = |case: &serde_json::Value, key| -> Vec<usize> {
        list(case, key).iter().map(|label| *label as usize).collect()
    };
    for case in cases("kappa") {
        let (a, b) = (labels(&case, "a"), labels(&case, "b"));
        for (key, weights) in
            [("nominal", KappaWeights::Nominal), ("quadratic", KappaWeights::Quadratic)]
        {
            let found = cohen_kappa(&a, &b, size(&case, "categories"), weights).unwrap().unwrap();
            close(found.kappa.unwrap(), number(&case, key), 1e-12);
        }
    }
    for case in cases("fleiss") {
        let counts: Vec<Vec<usize>> = serde_json::from_value(case["counts"].clone()).unwrap();
        close(fleiss_kappa(&counts).unwrap().unwrap(), number(&case, "kappa"), 1e-12);
    }
    for case in cases("alpha") {
        let items: Vec<Vec<Option<usize>>> = serde_json::from_value(case["items"].clone()).unwrap();
        let found = krippendorff_alpha(&items, size(&case, "categories")).unwrap().unwrap();
        close(found, number(&case, "alpha"), 1e-12);
    }
}
