"""What a policy may say. Data only: there is no code in a policy.

Ids are `area.name`. A later document that names an id again replaces the whole entry.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from aims_mlops.documents.problems import Section

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*)+$")]
Severity = Literal["minor", "major", "critical"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Days = Annotated[int, Field(ge=1, le=36500)]
GroupSelector = Literal["overall", "each", "every"] | dict[str, str]
Person = Literal["author", "submitter", "trainer", "requester"]


class Source(Section):
    """Where a row comes from; laws and limits are data with a date."""

    title: Text
    url: str | None = None
    date: str | None = None
    note: str | None = None


class Match(Section):
    """Which promotions a policy is for; an empty policy list of matches is for any."""

    name: Text
    aliases: tuple[Text, ...] = ()
    models: tuple[Text, ...] = ()
    risk_tiers: tuple[Literal["minimal", "limited", "high"], ...] = ()


class _Row(Section):
    """What requirements and rules share. Severity tells people; `blocking` tells the gate."""

    id: RuleId
    why: str = ""
    severity: Severity = "major"
    blocking: bool = True
    controls: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


class Requirement(_Row):
    """Evidence that must be there, and how old it may be (by the store's clock).

    success : true: the newest record must also say `success`, as data quality results do.
    """

    kind: Text
    success: Literal[True] | None = None
    max_age_days: Days | None = None


class Rule(_Row):
    """A limit on a figure.

    group : `overall`, `each` (every single group), `every` (all figures of the measure), or
        {column: label}, where the label "*" selects the comparison between all groups.
    min, max : the limit, inclusive.
    limit_on : `interval`: the whole interval must keep the limit; `estimate`: the value alone.
    min_n : rows that a figure needs behind it.
    insufficient : what too little data does: `refuse` or `allow` (it is shown either way).
    use : `every` fresh figure about this model counts, so that a second, friendlier evaluation
        hides nothing; `newest` takes the newest record, as for drift.
    """

    measure: Text
    kind: str | None = None
    group: GroupSelector = "overall"
    min: float | None = None
    max: float | None = None
    limit_on: Literal["interval", "estimate"] = "interval"
    min_n: Annotated[int, Field(ge=0)] = 0
    insufficient: Literal["refuse", "allow"] = "refuse"
    use: Literal["every", "newest"] = "every"
    max_age_days: Days | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"rule {self.id} needs a limit: min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"rule {self.id} has a min above its max, which nothing can keep")
        return self


Move = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tolerance(Section):
    """How far a retrained model may differ and still keep the approved assessment of another.

    figures_within : how far each assessed figure may move, up or down, in its own unit.
    measures : other distances for single measures, such as {mae: 1.5}.
    dataset_content, parameters, environment : `same`, or `any` where a change re-opens nothing.
    What else is compared has no choice: kind and signature of the model, schema, source, licence
    and purpose of each dataset, intended use and risk tier, which figures there are.
    """

    figures_within: Move
    measures: dict[str, Move] = Field(default_factory=dict)
    dataset_content: Literal["same", "any"] = "same"
    parameters: Literal["same", "any"] = "same"
    environment: Literal["same", "any"] = "same"

    def distance(self, measure: str) -> float:
        """How far a measure's figures may move."""
        return self.measures.get(measure, self.figures_within)


class AssessmentRequired(Section):
    """An approved impact assessment about this very model.

    tolerance : which retrained model keeps the approved assessment of the one before; none does
        without it. Approvals stay bound to one model digest either way.
    """

    required: bool = True
    max_age_days: Days = 365
    tolerance: Tolerance | None = None
    residual_impact_max: Annotated[int, Field(ge=1)] | None = None
    severity: Severity = "critical"
    controls: tuple[str, ...] = ("A.5.2", "A.5.3", "A.5.4", "A.5.5")


class ApprovalsRequired(Section):
    """Consent of other people.

    roles : an approver must hold one of them; empty: any person that aims.yaml names.
    each_role : every role must be held by at least one approver.
    not_by : what the approver must not have been, by stable identity.
    known_requester : whoever asks must be named by aims.yaml, too; a server without log-in cannot
        tell who asks, so that this is a choice. Author, submitter and trainer must always be.
    enrolment : `confirmed`: an approver's key (or account at the identity provider) was enrolled
        before, and another person confirmed it; `first-use`: the key that a person signs with first
        is believed. Left out: confirmed, except for systems of the risk tier minimal.
    enrolled_keys_only : the key must also stand in aims.yaml.
    single_user : what happens in a project where one person does everything.
    """

    count: Annotated[int, Field(ge=1, le=20)] = 1
    roles: tuple[Text, ...] = ()
    each_role: bool = False
    max_age_days: Days = 180
    not_by: tuple[Person, ...] = ("author", "submitter", "trainer", "requester")
    known_requester: bool = False
    enrolment: Literal["confirmed", "first-use"] | None = None
    enrolled_keys_only: bool = False
    single_user: Literal["refuse", "allow"] = "refuse"
    severity: Severity = "critical"
    controls: tuple[str, ...] = ("A.3.2", "A.6.2.4")


class WaiversAllowed(Section):
    """Whether a single rule may be set aside for a single model digest, and for how long."""

    allowed: bool = False
    max_days: Days = 30
    roles: tuple[Text, ...] = ()
    never: tuple[Text, ...] = ()


class BreakGlassAllowed(Section):
    """Whether a promotion may go ahead now and be looked at by a second person afterwards."""

    allowed: bool = False
    roles: tuple[Text, ...] = ()
    second_person_within_hours: Annotated[int, Field(ge=1, le=720)] = 24


class Oversight(Section):
    """What may be open about a system in operation while its next version is promoted.

    nonconformities : open ones of this severity or worse refuse; `none` of them does.
    missed_runs : what a scheduled run of monitoring does that has not happened in time.
    in_use : `refuse`: while such a nonconformity is open, what is promoted has no valid decision
        either, so that deploy-time checks refuse it and `aims reconcile --demote` takes it away.
    """

    nonconformities: Literal["minor", "major", "none"] = "major"
    missed_runs: Literal["refuse", "allow"] = "allow"
    in_use: Literal["refuse", "allow"] = "allow"
    severity: Severity = "major"
    controls: tuple[str, ...] = ("A.6.2.6",)


class ImpactScale(Section):
    """The words of the scale, lowest first; an impact's figure is the product of both ranks."""

    likelihood: tuple[Text, ...] = ("rare", "unlikely", "possible", "likely", "almost-certain")
    severity: tuple[Text, ...] = ("negligible", "minor", "moderate", "major", "severe")


class Without(Section):
    """An inherited entry that is left out, with the reason."""

    id: RuleId
    reason: Text


class PolicyDocument(Section):
    """One file: what it adds to, replaces in and leaves out of what it extends."""

    version: Literal[1] = 1
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    title: str = ""
    date: str | None = None
    extends: tuple[Text, ...] = ()
    without: tuple[Without, ...] = ()
    targets: tuple[Match, ...] = ()
    sources: tuple[Source, ...] = ()
    requires: tuple[Requirement, ...] = ()
    rules: tuple[Rule, ...] = ()
    pinned: bool | None = None
    assessment: AssessmentRequired | None = None
    approvals: ApprovalsRequired | None = None
    waivers: WaiversAllowed | None = None
    break_glass: BreakGlassAllowed | None = None
    oversight: Oversight | None = None
    impact_scale: ImpactScale | None = None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors."""
    schema = PolicyDocument.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "aims-mlops policy"
    return schema
