"""`aims assess waive` and `aims assess delegate`."""

from __future__ import annotations

import click

from aims_mlops.cli.who import AS


@click.command("waive")
@click.argument("rule")
@click.option("--model", "uri", required=True, help="Such as models:/diabetes-risk/2.")
@click.option("--for", "target", default="production", show_default=True)
@click.option("--policy", help="A policy file or pack, instead of the one in aims.yaml.")
@click.option("--reason", required=True, help="Why the rule cannot be kept now.")
@click.option("--instead", required=True, help="What is done instead, until it is kept.")
@click.option(
    "--days",
    required=True,
    type=click.IntRange(1),
    help="Days until it ends; the policy has a limit.",
)
@click.option("--requested-by", "requester", required=True, help="Who asks; not who grants.")
@AS
def waive_rule(
    rule: str,
    uri: str,
    target: str,
    policy: str | None,
    reason: str,
    instead: str,
    days: int,
    requester: str,
    person: str | None,
) -> None:
    """Set RULE aside for one model digest, signed with your key."""
    from aims_mlops.approvals.grant_waiver import waive
    from aims_mlops.cli.assessing import acting, open_review

    case = open_review(uri, target, policy)
    record = waive(
        case.project,
        case.store,
        case.model,
        case.policy,
        rule=rule,
        target=case.target,
        reason=reason,
        compensating_measure=instead,
        days=days,
        requester=requester,
        approver=acting(case.project, person),
    )
    expires = record.evidence.body["expires_at"]
    click.echo(f"✓ waived {rule} until {expires[:10]}: record {record.id[:8]}")
    click.echo(f"Next: aims gate {uri} --for {case.target}")


@click.command("delegate")
@click.argument("to")
@click.option("--role", "roles", multiple=True, help="May be given more than once.")
@click.option(
    "--days",
    default=14,
    show_default=True,
    type=click.IntRange(1),
    help="Days until it ends by itself.",
)
@click.option("--reason", required=True, help="Such as a holiday.")
@click.option("--take-back", is_flag=True, help="Take back what was handed over before.")
@AS
def delegate_role(
    to: str, roles: tuple[str, ...], days: int, reason: str, take_back: bool, person: str | None
) -> None:
    """Hand your role to the person TO for a time, signed with your key."""
    from aims_mlops.approvals.delegate import delegate
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project

    if bool(roles) == take_back:
        raise click.UsageError("give --role, or --take-back without a role")
    project = find_project()
    giver = acting(project, person)
    record = delegate(
        project, project.open_store(), giver=giver, to=to, roles=roles, days=days, reason=reason
    )
    what = ", ".join(roles) if roles else "nothing: what was handed over before is taken back"
    click.echo(f"✓ {giver} hands {to} {what}: record {record.id[:8]}")
