"""`aims assess`: write, submit and answer impact assessments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.granting import delegate_role, waive_rule
from aims_mlops.cli.plain import plain
from aims_mlops.cli.who import AS
from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.assessments.review import ReviewContext

_model = click.option("--model", "uri", required=True, help="Such as models:/diabetes-risk/2.")
_target = click.option("--for", "target", default="production", show_default=True)
_policy = click.option("--policy", help="A policy file or pack, instead of the one in aims.yaml.")
_yes = click.option("--yes", is_flag=True, help="Do not ask after showing what is signed.")


@click.group("assess")
def group() -> None:
    """Write, submit and approve impact assessments."""


@group.command("new")
@click.argument("system")
@click.option("--model", "uri", help="Fill in what the log knows about this model.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
@AS
def new_assessment(system: str, uri: str | None, output: Path | None, person: str | None) -> None:
    """Write an assessment file for SYSTEM, filled in with what is known. Never overwrites."""
    from aims_mlops.assessments.document import TEXT_FIELDS
    from aims_mlops.assessments.lint import read_assessment
    from aims_mlops.assessments.prefill import declared, from_evidence, from_prior
    from aims_mlops.assessments.review import prior_assessment
    from aims_mlops.assessments.template import assessment_text, is_untouched
    from aims_mlops.cli.assessing import acting, known_dossier, known_system, write_once
    from aims_mlops.inventory.project import find_project

    project = find_project()
    entry = known_system(project, system)
    filled = from_evidence(known_dossier(project, uri, entry.id)) if uri else {}
    stated = declared(entry)
    prior, before = prior_assessment(project, entry.id), None
    if prior is not None:
        texts, before = from_prior(prior)
        filled |= {path: text for path, text in texts.items() if path not in {*filled, *stated}}
    path = output or project.root / (entry.assessment or f"assessments/{entry.id}.yaml")
    text = assessment_text(
        system=entry.id,
        author=acting(project, person),
        title=entry.title,
        declared=stated,
        from_evidence=filled,
        prior=before,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_untouched(path):  # as a command left it: nothing of a person's
        path.write_text(text, encoding="utf-8")
    else:
        write_once(path, text, uri)
    written, _ = read_assessment(path)
    origins = [written.provenance(field) for field in TEXT_FIELDS]
    click.echo(f"✓ wrote {path}")
    for origin in ("from evidence", "declared", "missing"):
        click.echo(f"  {origins.count(origin):>2} fields {origin}")
    if prior is not None:
        click.echo(f"  the assessment before, record {prior.id[:12]}, is carried over: confirm it")
    click.echo(f"Next: edit it, then aims assess lint {path}")


@group.command("refresh")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_model
def refresh(file: Path | None, uri: str) -> None:
    """Fill the fields that came from evidence anew for a model; what people wrote stays."""
    from aims_mlops.assessments.lint import read_assessment
    from aims_mlops.assessments.prefill import from_evidence
    from aims_mlops.assessments.refresh import refreshed
    from aims_mlops.cli.assessing import assessment_file, known_dossier
    from aims_mlops.dossier.query import resolve_model
    from aims_mlops.inventory.project import find_project

    project = find_project()
    path = file or assessment_file(project, project.open_store(), resolve_model(uri))
    assessment, _ = read_assessment(path)
    found = from_evidence(known_dossier(project, uri, assessment.system))
    text, filled, kept = refreshed(path, found)
    path.write_text(text, encoding="utf-8")
    click.echo(f"✓ filled {len(filled)} fields of {path} from evidence")
    for field in kept:
        click.echo(f"  kept {field}, which a person wrote")


@group.command("lint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tier", type=click.Choice(["minimal", "limited", "high"]))
@click.pass_context
def lint_assessment(ctx: click.Context, file: Path, tier: Any) -> None:
    """Say by line what FILE still lacks for the risk tier of its system. Exit 1 if anything."""
    from aims_mlops.assessments.lint import lint_file
    from aims_mlops.assessments.review import impact_scale
    from aims_mlops.documents.reading import read_document
    from aims_mlops.inventory.project import find_project

    project = find_project()
    data = read_document(file).data
    system = project.system(str(data.get("system"))) if isinstance(data, dict) else None
    tier = tier or (system.risk_tier if system else "high")
    assessment, document, problems = lint_file(
        file, risk_tier=tier, scale=impact_scale(project, "production")
    )
    for problem in sorted(problems, key=lambda p: document.line(p.place)):
        click.echo(f"✗ {file}:{document.line(problem.place)}: {problem.text()}")
    if problems or assessment is None:
        click.echo(f"{len(problems)} to fill in for {tier} risk")
        ctx.exit(1)
    click.echo(f"✓ {file} is complete for {tier} risk, digest {assessment.digest[:16]}…")


@group.command("submit")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--model", "uri", help="Such as models:/diabetes-risk/2.")
@click.option("--system", "bought", help="A bought-in AI system, instead of a model with files.")
@_target
@AS
def submit_assessment(
    file: Path | None, uri: str | None, bought: str | None, target: str, person: str | None
) -> None:
    """Put an assessment into the log as being about a model, or about a bought-in system.

    Without FILE, the one that aims.yaml names for the model's system.
    """
    if (uri is None) == (bought is None):
        raise click.UsageError("give either --model or --system")
    uri = uri if uri is not None else f"system:{bought}"
    from aims_mlops.assessments.review import impact_scale
    from aims_mlops.assessments.submit import submit
    from aims_mlops.cli.assessing import acting, assessment_file
    from aims_mlops.dossier.query import resolve_model
    from aims_mlops.inventory.project import find_project

    project = find_project()
    store = project.open_store()
    model = resolve_model(uri)
    path = file or assessment_file(project, store, model)
    record = submit(
        project,
        store,
        path,
        model,
        actor=acting(project, person),
        scale=impact_scale(project, target),
    )
    digest = record.evidence.body["document_sha256"]
    click.echo(f"✓ submitted {path} about {uri}: record {record.id[:8]}, digest {digest[:16]}…")
    click.echo(
        f"Next: another person: aims assess approve --model {uri} --for {target} --as PERSON"
    )


def _answer(
    verdict: Any,
    case: ReviewContext,
    person: str | None,
    reason: str,
    yes: bool,
    token: Path | None = None,
) -> None:
    from aims_mlops.approvals.approve import answer
    from aims_mlops.cli.assessing import acting

    project = case.project
    who = acting(project, person)
    click.echo(case.shown)
    if project.settings.single_user:
        click.echo("Single-user mode: separation of duties is not enforced in this project.")
    if not yes:
        click.confirm(f"{verdict} as {who}?", abort=True)
    given = answer(
        project,
        case.store,
        case.model,
        case.policy,
        dossier=case.dossier,
        target=case.target,
        person=who,
        verdict=verdict,
        reason=reason,
        shown=case.shown,
        token=token.read_text(encoding="utf-8") if token is not None else None,
    )
    if given.key.is_new:
        click.echo(f"✓ made a signing key for {who}: {given.key.path} (keep it to yourself)")
    done = {
        "approve": "approved",
        "reject": "rejected",
        "return": "returned",
        "revoke": "revoked",
    }[verdict]
    click.echo(
        f"✓ {done} by {who}: record {given.record.id[:8]}, signed with "
        f"{given.key.signer.public.hex()[:16]}…"
    )


@group.command("approve")
@_model
@_target
@_policy
@AS
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--token",
    envvar="AIMS_ID_TOKEN_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an ID token of the identity provider in aims.yaml.",
)
@_yes
def approve(
    uri: str,
    target: str,
    policy: str | None,
    person: str | None,
    reason: str,
    token: Path | None,
    yes: bool,
) -> None:
    """Consent to a promotion: signed with your key, over exactly what is shown."""
    from aims_mlops.assessments.review import why_not_counted
    from aims_mlops.cli.assessing import open_review

    case = open_review(uri, target, policy)
    _answer("approve", case, person, reason, yes, token)
    why = why_not_counted(case)
    if why:
        click.echo(f"✗ it does not count: {why}")
        click.get_current_context().exit(1)
    click.echo(f"Next: aims gate {uri} --for {case.target}")


def _add_refusal(name: str, help_: str, reason_help: str) -> None:
    """A command that takes consent away: all of them ask for a reason and sign it."""

    @group.command(name, help=help_)
    @_model
    @_target
    @_policy
    @AS
    @click.option("--reason", required=True, help=reason_help)
    @_yes
    def refuse(
        uri: str, target: str, policy: str | None, person: str | None, reason: str, yes: bool
    ) -> None:
        from aims_mlops.cli.assessing import open_review

        _answer(name, open_review(uri, target, policy), person, reason, yes)


_add_refusal(
    "reject",
    "Refuse a promotion, with the reason; it stands until the same person approves.",
    "What has to change.",
)
_add_refusal(
    "return",
    "Send an assessment back to be changed and submitted again.",
    "What has to change.",
)
_add_refusal("revoke", "Take back an approval that was given.", "Why the approval no longer holds.")


@group.command("show")
@_model
@_target
@_policy
@click.option("--json", "as_json", is_flag=True)
def show(uri: str, target: str, policy: str | None, as_json: bool) -> None:
    """Show where the assessment of a model stands, what it says, and who approved it."""
    from dataclasses import asdict

    from aims_mlops.assessments.review import consent_of, open_things, state_of, superseded
    from aims_mlops.cli.assessing import open_review

    case = open_review(uri, target, policy)
    consent = consent_of(case)
    still_open = open_things(case)
    now_at = state_of(case)
    if as_json:
        record = case.dossier.assessment
        body = {
            "state": now_at.state,
            "why": now_at.why,
            "model": case.model.sha256,
            "target": case.target,
            "assessment": record.id if record else None,
            "superseded": [{"record": r.id, "why": why} for r, why in superseded(case)],
            "bound": case.binding.to_body(),
            "approvals": {human: r.id for human, r in consent.counted.items()},
            "uncounted": [{"record": r.id, "why": why} for r, why in consent.refused],
            "nonconformities": [asdict(found) for found in still_open],
        }
        click.echo(json.dumps(body, indent=2, sort_keys=True))
        return
    click.echo(case.shown)
    mark = "✓" if now_at.state == "approved" else "✗"
    click.echo(f"{mark} {now_at.state}: {now_at.why}")
    for record, why in superseded(case):
        click.echo(f"  record {record.id[:8]} of {record.received_at[:10]} is superseded: {why}")
    for record, why in consent.refused:
        click.echo(f"✗ approval {record.id[:8]} does not count: {why}")
    for found in still_open:
        when = "overdue" if found.overdue else f"due {found.due}"
        click.echo(plain(f"✗ open: {found.what}, {when}: {found.observed}"))
        click.echo(plain(f"  next: {found.next_step}"))


@group.command("key")
@AS
def show_key(person: str | None) -> None:
    """Show your public signing key as aims.yaml takes it; makes the key on first use."""
    from aims_mlops.approvals.keys.personal_key import personal_key
    from aims_mlops.cli.assessing import acting
    from aims_mlops.evidence.clock import now
    from aims_mlops.inventory.project import find_project

    project = find_project()
    who = acting(project, person)
    if person is None and project.person(who) is None:
        raise InputError(
            "nobody under people in aims.yaml is you, so the key would have no name",
            expected="an id under people, or whose key it is",
            next_step="aims assess key --as ID, with the id that is to stand under people",
        )
    key = personal_key(who)
    click.echo(f"# {'made' if key.is_new else 'read'} {key.path}")
    click.echo(f"# under people in aims.yaml, at {who}; from then on only this key signs for you:")
    click.echo("keys:")
    click.echo(f"  - {{public_key: {key.signer.public.hex()}, valid_from: {now()}}}")


@group.command("diff")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_model
@_target
@_policy
@click.pass_context
def diff(ctx: click.Context, file: Path | None, uri: str, target: str, policy: str | None) -> None:
    """Show what changed since the assessment of a model was submitted; exit 1 if anything.

    Compares FILE, or the file that aims.yaml names, and says what else re-opens it. For a model
    without an assessment, shows what changed against the one that was assessed before.
    """
    from aims_mlops.assessments.approval_text import assessment_of
    from aims_mlops.assessments.difference import difference
    from aims_mlops.assessments.lint import read_assessment
    from aims_mlops.cli.assessing import assessment_file, open_review
    from aims_mlops.dossier.changes import material_changes

    case = open_review(uri, target, policy)
    record = case.dossier.assessment
    if record is None and case.changes:
        for change in case.changes:
            click.echo(plain(f"! {change}"))
        click.echo(f"Next: assess it, then aims assess submit --model {uri}")
        ctx.exit(1)
    if record is None:
        raise InputError(
            "no assessment about this model was submitted",
            next_step=f"aims assess submit --model {uri}",
        )
    path = file or assessment_file(case.project, case.store, case.model)
    now_in_file, _ = read_assessment(path)
    lines = difference(assessment_of(record.evidence.body), now_in_file)
    changes = material_changes(case.dossier, case.system)
    for line in lines:
        click.echo(plain(line))
    for change in changes:
        click.echo(plain(f"! {change}"))
    if lines or changes:
        ctx.exit(1)
    click.echo(f"✓ {path} is what was submitted as record {record.id[:8]}")


group.add_command(waive_rule)
group.add_command(delegate_role)
