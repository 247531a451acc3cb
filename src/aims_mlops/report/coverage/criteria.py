"""What each control's evidence must say before the report calls it recorded.

One table, read together with `evidence.controls`: which kind of evidence, which field of it, and
the next step when it is missing. `BEYOND` is what a control also asks and this version does not
capture; a control with such a line is never more than supported in part. `PERSON` is what people
must hold for controls that a pipeline cannot support, or not alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing to be recorded: `field` of the body of `kind`, or any record if it is None.

    where : a field that must be true for a record to be asked at all, such as `allowed`.
    """

    words: str
    kind: str
    field: str | None
    next_step: str
    where: str | None = None


_TRAIN = "run the training under @aims.training(system=…)"
_DATA = "declare it: aims.dataset(df, name, source=…, licence=…, purpose=…)"
_CHECK = "call run.check(y_true=…, y_pred=…, sensitive=…) in the run"
_SYSTEM = "declare the system in aims.yaml, then run under @aims.training(system=…)"
_ASSESS = "aims assess new SYSTEM, fill it in, then aims assess submit --model MODEL"
_APPROVE = "have a second person run aims assess approve --model MODEL --for TARGET --as PERSON"
_POLICY = "aims policy pin FILE"
_GATE = "aims gate MODEL --for production"
_PROMOTE = "aims promote MODEL --alias champion"
_DEPLOY = "aims deployment record MODEL --for TARGET --where PLACE --rollback-plan TEXT"
_WATCH = "write monitoring: for the system in aims.yaml, then aims monitor run"
_LOGGED = (
    "put @aims.monitored(system=…) on the predict function, or use "
    "aims serve-model MODEL --target TARGET"
)
_CARD = "return the model from the function under @aims.training; capture writes its card"

# Anybody can write an approval, the author too; the gate says which ones count.
_SIGNED = ("decision", "consent", _APPROVE, "allowed")

DEMANDS: dict[str, tuple[Demand, ...]] = {
    "A.3.2": (
        Demand("the owner of the system", "system", "owner", _SYSTEM),
        Demand("the risk owner of the system", "system", "risk_owner", _SYSTEM),
        Demand("who approved, as the gate counted", *_SIGNED),
    ),
    "A.4.2": (
        Demand("the Python version of a run", "environment", "python", _TRAIN),
        Demand("the platform of a run", "environment", "platform", _TRAIN),
    ),
    "A.4.3": (Demand("the datasets used, by digest", "dataset", "sha256", _DATA),),
    "A.4.4": (Demand("installed packages with versions", "environment", "packages", _TRAIN),),
    "A.4.5": (
        Demand("the processor of a run", "environment", "cpu", _TRAIN),
        Demand("the memory of the machine", "environment", "memory_bytes", _TRAIN),
        Demand("compute time", "run", "duration_seconds", _TRAIN),
    ),
    "A.5.2": (
        Demand("an impact assessment", "impact-assessment", None, _ASSESS),
        Demand("a decision under a policy", "decision", "policy", _GATE),
    ),
    "A.5.3": (
        Demand(
            "the assessment document, by digest", "impact-assessment", "document_sha256", _ASSESS
        ),
        Demand("an approval that the gate counted", *_SIGNED),
    ),
    "A.5.4": (
        Demand("an impact assessment", "impact-assessment", None, _ASSESS),
        Demand("bias figures between groups", "bias", "figures", _CHECK),
    ),
    "A.5.5": (Demand("an impact assessment", "impact-assessment", None, _ASSESS),),
    "A.6.1.2": (Demand("the policy in force, by digest", "policy", None, _POLICY),),
    "A.6.1.3": (
        Demand("the policy in force, by digest", "policy", None, _POLICY),
        Demand("a decision of the gate", "decision", None, _GATE),
    ),
    "A.6.2.2": (
        Demand("the purpose of the system", "system", "purpose", _SYSTEM),
        Demand("the intended use of the system", "system", "intended_use", _SYSTEM),
    ),
    "A.6.2.3": (
        Demand("the commit of the code", "code", "commit", "commit the code, then " + _TRAIN),
        Demand("the digest of the source", "code", "source_sha256", _TRAIN),
        Demand("the parameters of a run", "parameters", "parameters", _TRAIN),
        Demand("the model, by content digest", "model", "sha256", _TRAIN),
    ),
    "A.6.2.4": (
        Demand("performance figures", "performance", "figures", _CHECK),
        Demand("bias figures between groups", "bias", "figures", _CHECK),
        Demand("criteria set before: the policy of a decision", "decision", "policy", _GATE),
        Demand("sign-off by a second person, as the gate counted", *_SIGNED),
    ),
    "A.6.2.5": (
        Demand("a decision of the gate", "decision", None, _GATE),
        Demand("who approved, as the gate counted", *_SIGNED),
        Demand("what came of the promotion", "promotion", "outcome", _PROMOTE),
        Demand("where it runs, and the way back", "deployment", "rollback_plan", _DEPLOY),
    ),
    "A.6.2.6": (
        Demand("a scheduled look at the system in operation", "monitoring-run", "outcome", _WATCH),
        Demand("a drift check", "drift", "figures", "aims drift run --reference A --current B"),
    ),
    "A.6.2.7": (Demand("a model card", "model-card", None, _CARD),),
    "A.6.2.8": (
        Demand("runs with their outcome", "run", "status", _TRAIN),
        Demand("a log of predictions in operation", "inference-log", "rows", _LOGGED),
    ),
    "A.7.2": (Demand("the purpose of each dataset", "dataset", "purpose", _DATA),),
    "A.7.3": (
        Demand("the source of each dataset", "dataset", "source", _DATA),
        Demand("the licence of each dataset", "dataset", "licence", _DATA),
    ),
    "A.7.4": (
        Demand(
            "quality expectations with results",
            "data-quality",
            "success",
            "run with aims-mlops[quality] installed",
        ),
    ),
    "A.7.5": (
        Demand("the content digest of each dataset", "dataset", "sha256", _DATA),
        Demand("the source of each dataset", "dataset", "source", _DATA),
    ),
    "A.7.6": (
        Demand("the digest of the source", "code", "source_sha256", _TRAIN),
        Demand("the parameters of a run", "parameters", "parameters", _TRAIN),
    ),
    "A.8.2": (Demand("a model card", "model-card", None, _CARD),),
    "A.9.4": (Demand("the intended use of the system", "system", "intended_use", _SYSTEM),),
    "A.10.3": (
        Demand(
            "a supplier or base model",
            "supplier",
            None,
            "declare suppliers in aims.yaml, or record that there are none",
        ),
    ),
}

BEYOND: dict[str, tuple[str, ...]] = {
    "A.6.2.6": ("who responds to incidents",),
    "A.7.2": ("the owner of each dataset",),
    "A.8.4": ("notices of incidents to people outside",),
    "A.8.5": ("disclosures made to interested parties",),
    "A.9.4": ("who calls the system, to hold against the declared use",),
}

PERSON: dict[str, str] = {
    "A.2.2": "the AI policy, approved and dated",
    "A.2.3": "how the AI policy fits the other policies",
    "A.2.4": "the record of the last review of the AI policy",
    "A.3.2": "roles and responsibilities as the organisation assigned them",
    "A.3.3": "the channel for concerns, and what came in through it",
    "A.4.6": "competence records of the people who work on the system",
    "A.5.2": "the assessment process: when it is triggered and who takes part",
    "A.5.4": "the reasoning about individuals and groups in the assessment",
    "A.5.5": "the reasoning about society in the assessment",
    "A.6.1.2": "the objectives themselves",
    "A.6.1.3": "the development process as written down",
    "A.6.2.2": "requirements, with their tickets",
    "A.7.3": "that source and rights are as declared",
    "A.8.2": "what users were given to read",
    "A.8.3": "the channel for reports from outside",
    "A.8.4": "the plan for telling people about incidents",
    "A.8.5": "what interested parties are owed, and were given",
    "A.9.2": "the process for responsible use",
    "A.9.3": "the objectives for responsible use",
    "A.9.4": "that use in practice is the intended use",
    "A.10.2": "agreements that allocate responsibilities",
    "A.10.3": "due diligence on suppliers",
    "A.10.4": "agreements with customers",
}
