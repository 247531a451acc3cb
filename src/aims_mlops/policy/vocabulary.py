"""Names of figures that the built-in measures give, so that a mistyped one is caught.

A plugin's figure is named `plugin.figure` or `x-figure`, which no list here has to know.
"""

from __future__ import annotations

# Kinds of evidence whose body has `figures`.
FIGURE_KINDS = ("performance", "bias", "drift", "data-quality")

_CLASSIFICATION = (
    "accuracy_score balanced_accuracy_score precision_score recall_score f1_score roc_auc_score "
    "average_precision_score log_loss brier_score_loss matthews_corrcoef count selection_rate "
    "true_positive_rate true_negative_rate false_positive_rate false_negative_rate "
    "accuracy balanced_accuracy precision recall specificity f1 roc_auc prevalence "
    "expected_calibration_error"
)
_REGRESSION = (
    "mean_absolute_error mean_squared_error root_mean_squared_error r2_score "
    "median_absolute_error mean_absolute_percentage_error explained_variance_score mean_prediction "
    "mean_error"
)
_BETWEEN_GROUPS = (
    "demographic_parity_difference demographic_parity_ratio equalized_odds_difference "
    "equalized_odds_ratio equal_opportunity_difference equal_opportunity_ratio impact_ratio "
    "accuracy_difference recall_difference selection_rate_difference selection_rate_ratio "
    "true_positive_rate_difference true_positive_rate_ratio true_negative_rate_difference "
    "true_negative_rate_ratio false_positive_rate_difference false_positive_rate_ratio "
    "false_negative_rate_difference false_negative_rate_ratio mean_absolute_error_difference "
    "accuracy_score_difference recall_score_difference precision_score_difference "
    "mean_error_difference mean_prediction_difference unknown_share"
)
_DATA = (
    "share_of_drifted_columns drifted_columns column_drift population_stability_index psi "
    "wasserstein jensenshannon jensen_shannon ks kl_div hellinger missing_share null_share "
    "expectations_met share_of_expectations_met failed_expectations rows duplicate_rows"
)


def known_measures() -> tuple[str, ...]:
    """Every name of a figure that the built-in measures can give."""
    return tuple(" ".join((_CLASSIFICATION, _REGRESSION, _BETWEEN_GROUPS, _DATA)).split())
