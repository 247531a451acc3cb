"""Names of figures that the built-in measures give, so that a mistyped one is caught.

A plugin's figure is named `plugin.figure` or `x-figure`, and a data quality figure after its
expectation, `expect_…`; no list here has to know those.
"""

from __future__ import annotations

_CLASSIFICATION = (
    "accuracy_score balanced_accuracy_score precision_score recall_score f1_score roc_auc_score "
    "average_precision_score log_loss brier_score_loss matthews_corrcoef precision_macro "
    "recall_macro f1_macro selection_rate true_positive_rate true_negative_rate "
    "false_positive_rate false_negative_rate expected_calibration_error calibration_in_the_large "
    "exact_match rows_shared"
)
_REGRESSION = (
    "mean_absolute_error mean_squared_error root_mean_squared_error r2_score mean_prediction "
    "mean_error"
)
_BETWEEN_GROUPS = (
    "demographic_parity equalized_odds equal_opportunity accuracy_score precision_score "
    "recall_score false_positive_rate true_negative_rate false_negative_rate true_positive_rate "
    "mean_prediction mean_error mean_absolute_error mean_squared_error root_mean_squared_error "
    "calibration_in_the_large expected_calibration_error"
)
_IMPACT = (
    "impact_ratio four_fifths_ratio fisher_exact_pvalue scoring_rate scoring_impact_ratio "
    "scoring_four_fifths_ratio scoring_fisher_exact_pvalue compared_share"
)
_DATA = (
    "share_of_drifted_columns share_of_insufficient_columns share_of_missing_values psi "
    "wasserstein jensenshannon ks kl_div hellinger chisquare z adjusted_p_value "
    "newest_row_age label_balance"
)


def known_measures() -> tuple[str, ...]:
    """Every name of a figure that the built-in measures can give."""
    plain = " ".join((_CLASSIFICATION, _REGRESSION, _IMPACT, _DATA)).split()
    compared = [
        f"{name}_{how}" for name in _BETWEEN_GROUPS.split() for how in ("difference", "ratio")
    ]
    return (*plain, *compared)
