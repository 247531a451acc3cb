"""A credit-like service from training to monitored operation.

    python examples/credit_service.py [FOLDER]

Writes everything into FOLDER (`credit-output/` beside the README) and sends nothing anywhere. Each
`$ aims …` line is the command a person would type in that folder; it runs here in this process, so
that MLflow is loaded once.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "credit-output").absolute()
STARTED = time.perf_counter()


def step(number: int, title: str) -> None:
    """Say which step begins."""
    print(f"\n[{number}/7] {title} ({time.perf_counter() - STARTED:.0f} s)", flush=True)


def aims(*arguments: str, actor: str, expect: int = 0, last: int = 0) -> None:
    """One command as `actor`; shows its `last` lines only, or all of them.

    Ends the example if the exit code is not the expected one.
    """
    from aims_mlops.__main__ import main

    os.environ["AIMS_ACTOR"] = actor
    print(f"\n  {actor} $ aims {shlex.join(arguments)}", flush=True)
    printed = io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(printed):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code or 0
    lines = printed.getvalue().rstrip().splitlines()
    print("\n".join(f"      {line}" for line in lines[-last:]), flush=True)
    if code != expect:
        sys.exit(f"the example expected exit code {expect} here and got {code}")


def set_up() -> None:
    """Keep the libraries quiet and the environment of whoever runs this out of it."""
    if OUTPUT.exists():
        if not (OUTPUT / ".made-by-example").exists():
            sys.exit(f"{OUTPUT} exists and was not made by this example; move it away first")
        shutil.rmtree(OUTPUT)
    OUTPUT.mkdir(parents=True)
    (OUTPUT / ".made-by-example").touch()
    os.chdir(OUTPUT)
    for name in [name for name in os.environ if name.startswith(("AIMS_", "MLFLOW_"))]:
        del os.environ[name]
    os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["AIMS_KEYS"] = str(OUTPUT / "people-keys")
    os.environ["AIMS_ACTOR"] = "ana"
    for name in ("aims.yaml", "policy.yaml", "assessment.yaml"):
        shutil.copy(HERE / "credit" / name, name)
    sys.path.insert(0, str(HERE / "credit"))
    import logging

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def main() -> None:
    """Run the seven steps."""
    set_up()
    step(1, "Ana trains a model, and keeps what drift is measured against")
    import train

    past = train.applicants(3000, seed=1)
    train.train(past.iloc[:2000], past.iloc[2000:])
    past[train.FEATURES].to_parquet("reference.parquet")
    aims("drift", "profile", "reference.parquet", "--system", "credit", actor="ana")

    step(2, "Bo, whose key Cleo confirmed, approves the assessment; the promotion is allowed")
    aims("people", "enrol", "--list", actor="cleo", last=1)
    aims("people", "enrol", actor="bo", last=1)
    aims("people", "confirm", "bo", "--yes", actor="cleo", last=1)
    aims("assess", "submit", "--model", "models:/credit/1", actor="ana")
    approve = ("assess", "approve", "--model", "models:/credit/1", "--yes")
    aims(*approve, "--reason", "a clerk decides, and may decide otherwise", actor="bo", last=2)
    aims("promote", "models:/credit/1", "--alias", "champion", actor="ana")
    aims(
        *("deployment", "record", "models:/credit/1", "--for", "production"),
        *("--where", "branch-service", "--rollback-plan", "clerks decide without a score"),
        actor="ana",
    )

    step(3, "The service answers: a digest that was decided about, and a log of what it does")
    import service

    from aims_mlops import request_id

    today = train.applicants(400, seed=2, crisis=True)
    asked = today.drop(columns="defaulted").to_dict("records")
    answers = [(service.score(applicant), request_id()) for applicant in asked]
    (_, first), (_, second) = answers[:2]
    print(f"  {len(answers)} applications scored; the first one is request {first}")

    step(4, "A clerk decides otherwise than the score")
    was = answers[1][0]["prediction"]
    aims(
        *("inference", "override", str(second), "--was", str(was), "--now", str(1 - was)),
        *("--who", "cleo", "--reason", "the income is seasonal", "--system", "credit"),
        actor="cleo",
    )

    step(5, "Later it is known who paid")
    from aims_mlops import close_inference_logs

    close_inference_logs()  # as the service ends
    labels = today[["defaulted"]].assign(request_id=[id_ for _, id_ in answers])
    labels.to_csv("labels.csv", index=False)
    aims("inference", "labels", "credit", "labels.csv", "--label", "defaulted", actor="ana")
    aims("inference", "status", "credit", actor="ana")

    step(6, "The next morning: applicants earn less than those of the training")
    from aims_mlops import every_alarm, find_project, run_cycle

    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1, hours=1)
    done = run_cycle(find_project(), every_alarm, now=tomorrow, workers=1)
    for ran in done.runs:
        print(f"  {ran.id}: {ran.outcome}")
        for finding in ran.findings:
            print(f"    {finding['what']}: {finding['reason']}")
    for alarm in done.alarms:
        print(f"  alarm: {alarm.what}: {alarm.reason}\n    next: {alarm.next_step}")
    aims("nonconformity", "list", actor="bo")

    step(7, "All of it in one timeline")
    aims("history", "credit", actor="bo")
    print(f"\nDone in {time.perf_counter() - STARTED:.0f} s. Written to {OUTPUT}")


if __name__ == "__main__":
    main()
