"""aims-mlops: evidence, impact-assessment gates and drift monitoring for ML pipelines.

    import aims_mlops as aims

The names below are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_mlops import errors as errors
    from aims_mlops.alarms.expiry import every_alarm as every_alarm
    from aims_mlops.capture.context import run as run
    from aims_mlops.capture.decorators import evaluation as evaluation
    from aims_mlops.capture.decorators import training as training
    from aims_mlops.capture.facts.dataset import dataset as dataset
    from aims_mlops.capture.run import current_run as current_run
    from aims_mlops.capture.state.statement import statement as statement
    from aims_mlops.exports.export import export as export
    from aims_mlops.exports.model_signing import signing_statement as signing_statement
    from aims_mlops.gates.check_model import check_model as check_model
    from aims_mlops.gates.deploy import deployment as deployment
    from aims_mlops.gates.gate import gate as gate
    from aims_mlops.inference_log.reading.overrides import record_override as record_override
    from aims_mlops.inference_log.reading.record_labels import record_labels as record_labels
    from aims_mlops.inference_log.reading.window_files import joined as joined
    from aims_mlops.inference_log.recorder.recorder import (
        close_inference_logs as close_inference_logs,
    )
    from aims_mlops.inference_log.recorder.request import request_id as request_id
    from aims_mlops.inference_log.recorder.request import use_request_id as use_request_id
    from aims_mlops.inference_log.serving.asgi import InferenceLog as InferenceLog
    from aims_mlops.inference_log.serving.decorator import monitored as monitored
    from aims_mlops.inference_log.serving.pyfunc import monitored_pyfunc as monitored_pyfunc
    from aims_mlops.inventory.project import find_project as find_project
    from aims_mlops.measures.bias.measure import measure_bias as measure_bias
    from aims_mlops.measures.bias.mitigation import record_mitigation as record_mitigation
    from aims_mlops.measures.drift.measure import measure_drift as measure_drift
    from aims_mlops.measures.drift.persistence import drift_series as drift_series
    from aims_mlops.measures.drift.persistence import persistent_drift as persistent_drift
    from aims_mlops.measures.drift.pooling import measure_pooled_drift as measure_pooled_drift
    from aims_mlops.measures.drift.reference import ReferenceProfile as ReferenceProfile
    from aims_mlops.measures.drift.reference import (
        build_reference_profile as build_reference_profile,
    )
    from aims_mlops.measures.fingerprint.files import fingerprint_files as fingerprint_files
    from aims_mlops.measures.fingerprint.lineage import trace_lineage as trace_lineage
    from aims_mlops.measures.fingerprint.profile import profile_table as profile_table
    from aims_mlops.measures.fingerprint.table_digest import fingerprint as fingerprint
    from aims_mlops.measures.performance.comparison import (
        compare_performance as compare_performance,
    )
    from aims_mlops.measures.performance.measure import measure_performance as measure_performance
    from aims_mlops.measures.performance.stability import measure_stability as measure_stability
    from aims_mlops.measures.quality.infer import infer_suite as infer_suite
    from aims_mlops.measures.quality.leakage import measure_leakage as measure_leakage
    from aims_mlops.measures.quality.measure import measure_quality as measure_quality
    from aims_mlops.monitoring.cycle import run_cycle as run_cycle
    from aims_mlops.policy.grammar import Rule as Rule
    from aims_mlops.policy.rules import judge as judge

__all__ = [
    "InferenceLog",
    "ReferenceProfile",
    "Rule",
    "build_reference_profile",
    "check_model",
    "close_inference_logs",
    "compare_performance",
    "current_run",
    "dataset",
    "deployment",
    "drift_series",
    "errors",
    "evaluation",
    "every_alarm",
    "export",
    "find_project",
    "fingerprint",
    "fingerprint_files",
    "gate",
    "infer_suite",
    "joined",
    "judge",
    "measure_bias",
    "measure_drift",
    "measure_leakage",
    "measure_performance",
    "measure_pooled_drift",
    "measure_quality",
    "measure_stability",
    "monitored",
    "monitored_pyfunc",
    "persistent_drift",
    "profile_table",
    "record_labels",
    "record_mitigation",
    "record_override",
    "request_id",
    "run",
    "run_cycle",
    "signing_statement",
    "statement",
    "trace_lineage",
    "training",
    "use_request_id",
]

# public name -> module that defines it; the name is the same there
_HOME = {
    "InferenceLog": "aims_mlops.inference_log.serving.asgi",
    "ReferenceProfile": "aims_mlops.measures.drift.reference",
    "Rule": "aims_mlops.policy.grammar",
    "build_reference_profile": "aims_mlops.measures.drift.reference",
    "check_model": "aims_mlops.gates.check_model",
    "close_inference_logs": "aims_mlops.inference_log.recorder.recorder",
    "compare_performance": "aims_mlops.measures.performance.comparison",
    "current_run": "aims_mlops.capture.run",
    "dataset": "aims_mlops.capture.facts.dataset",
    "deployment": "aims_mlops.gates.deploy",
    "drift_series": "aims_mlops.measures.drift.persistence",
    "evaluation": "aims_mlops.capture.decorators",
    "every_alarm": "aims_mlops.alarms.expiry",
    "export": "aims_mlops.exports.export",
    "find_project": "aims_mlops.inventory.project",
    "fingerprint": "aims_mlops.measures.fingerprint.table_digest",
    "fingerprint_files": "aims_mlops.measures.fingerprint.files",
    "gate": "aims_mlops.gates.gate",
    "infer_suite": "aims_mlops.measures.quality.infer",
    "joined": "aims_mlops.inference_log.reading.window_files",
    "judge": "aims_mlops.policy.rules",
    "measure_bias": "aims_mlops.measures.bias.measure",
    "measure_drift": "aims_mlops.measures.drift.measure",
    "measure_leakage": "aims_mlops.measures.quality.leakage",
    "measure_performance": "aims_mlops.measures.performance.measure",
    "measure_pooled_drift": "aims_mlops.measures.drift.pooling",
    "measure_quality": "aims_mlops.measures.quality.measure",
    "measure_stability": "aims_mlops.measures.performance.stability",
    "monitored": "aims_mlops.inference_log.serving.decorator",
    "monitored_pyfunc": "aims_mlops.inference_log.serving.pyfunc",
    "persistent_drift": "aims_mlops.measures.drift.persistence",
    "profile_table": "aims_mlops.measures.fingerprint.profile",
    "record_labels": "aims_mlops.inference_log.reading.record_labels",
    "record_mitigation": "aims_mlops.measures.bias.mitigation",
    "record_override": "aims_mlops.inference_log.reading.overrides",
    "request_id": "aims_mlops.inference_log.recorder.request",
    "run": "aims_mlops.capture.context",
    "run_cycle": "aims_mlops.monitoring.cycle",
    "signing_statement": "aims_mlops.exports.model_signing",
    "statement": "aims_mlops.capture.state.statement",
    "trace_lineage": "aims_mlops.measures.fingerprint.lineage",
    "training": "aims_mlops.capture.decorators",
    "use_request_id": "aims_mlops.inference_log.recorder.request",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("aims-mlops")
    if name == "errors":
        return importlib.import_module("aims_mlops.errors")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
