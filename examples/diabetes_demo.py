"""The main job, end to end, on 442 real patients: `make demo`.

    python examples/diabetes_demo.py [FOLDER]

Writes everything into FOLDER (`demo-output/` beside the README) and sends nothing anywhere. Each
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
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "demo-output").absolute()
MODEL = "models:/diabetes-risk"
FEATURES = ["age", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
STARTED = time.perf_counter()


def step(number: int, title: str, why: str) -> None:
    """Say which step begins, and why there is one."""
    say(f"\n[{number}/8] {title} ({time.perf_counter() - STARTED:.0f} s)\n      {why}")


def say(text: str) -> None:
    """Print a text and keep it in the transcript."""
    print(text, flush=True)
    with Path("transcript.txt").open("a") as transcript:
        transcript.write(text + "\n")


def aims(*arguments: str, actor: str, expect: int = 0, last: int = 0) -> None:
    """One command as `actor`; shows its `last` lines only, or all of them.

    Everything goes into transcript.txt. Ends the demo if the exit code is not the expected one.
    """
    from aims_mlops.__main__ import main

    os.environ["AIMS_ACTOR"] = actor
    printed = io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code or 0
    lines = printed.getvalue().rstrip().splitlines()
    command = f"\n  {actor} $ aims {shlex.join(arguments)}"
    with Path("transcript.txt").open("a") as transcript:
        transcript.write("\n".join([command, *lines, f"exit code {code}", ""]))
    print(command)
    if last and len(lines) > last:
        print(f"      … {len(lines) - last} lines more in transcript.txt")
        lines = lines[-last:]
    print(
        "\n".join(f"      {line}" for line in lines),
        f"      exit code {code}",
        sep="\n",
        flush=True,
    )
    if code != expect:
        sys.exit(f"the demo expected exit code {expect} here and got {code}")


def set_up() -> None:
    """A fresh folder with what the organisation wrote, and MLflow on SQLite beside it."""
    if OUTPUT.exists():
        if not (OUTPUT / ".made-by-demo").exists():
            sys.exit(f"{OUTPUT} exists and was not made by this demo; move it away, then try again")
        shutil.rmtree(OUTPUT)
    OUTPUT.mkdir()
    (OUTPUT / ".made-by-demo").touch()
    os.chdir(OUTPUT)
    # A store, project or tracking server of whoever runs the demo is none of its business.
    for name in [name for name in os.environ if name.startswith(("AIMS_", "MLFLOW_"))]:
        del os.environ[name]
    os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["AIMS_KEYS"] = str(OUTPUT / "people-keys")
    import logging

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)


def main() -> None:
    """Run the eight steps."""
    set_up()
    step(1, "An organisation declares its AI system", "aims.yaml, a policy, an impact assessment")
    aims("init", "--system", "diabetes-risk", actor="ana")
    for name in ("aims.yaml", "policies/production.yaml", "assessments/diabetes-risk.yaml"):
        shutil.copy(HERE / "diabetes" / name, name)
    say("\n  Ana fills the three files in (copied from examples/diabetes).")
    aims("lint", actor="ana")
    say("\n  Both enrol a key to sign with; the first two list theirs in aims.yaml, and confirm.")
    for person in ("ana", "bo"):
        aims("people", "enrol", "--list", actor=person, last=5)
    aims("people", "confirm", "bo", "--yes", actor="ana")

    step(2, "Ana trains a first model", "one decorator: the run becomes evidence by itself")
    sys.path.insert(0, str(HERE / "diabetes"))
    os.environ["AIMS_ACTOR"] = "ana"
    import train

    training, test, later = train.patients()
    train.train(training, test, ["age", "bp"], 0.5)
    say("\n  trained on age and blood pressure only; flagged above a score of 0.5")
    aims("evidence", "list", actor="ana")

    step(3, "The gate refuses it", "the reasons come from stored evidence, each with a next step")
    aims("gate", f"{MODEL}/1", "--for", "production", actor="ana", expect=1)

    step(4, "Ana trains a second model", "all measurements, and a lower threshold: fewer missed")
    train.train(training, test, FEATURES, 0.3)
    say("\n  trained on nine measurements; flagged above a score of 0.3")
    aims("gate", f"{MODEL}/2", "--for", "production", actor="ana", expect=1)

    step(5, "The impact assessment, approved by another person", "bound to this model by digest")
    aims("assess", "submit", "--model", f"{MODEL}/2", actor="ana")
    say("\n  Ana tries to approve her own work; it is recorded and does not count:")
    aims("assess", "approve", "--model", f"{MODEL}/2", "--yes", actor="ana", expect=1, last=3)
    aims(
        *("assess", "approve", "--model", f"{MODEL}/2", "--yes"),
        *("--reason", "the gap between the sexes is reviewed monthly"),
        actor="bo",
        last=3,
    )

    step(6, "The promotion is allowed", "decided again from the log, then the alias is set")
    aims("promote", f"{MODEL}/2", "--alias", "champion", actor="ana")

    step(7, "Drift of a later batch", "60 patients of 55 and older: age has moved, and says so")
    training.drop(columns="progresses").to_parquet("reference.parquet")
    later.drop(columns="progresses").to_parquet("later-patients.parquet")
    aims(
        *("drift", "run", "--reference", "reference.parquet"),
        *("--current", "later-patients.parquet", "--model", f"{MODEL}@champion"),
        actor="ana",
        expect=1,
    )

    step(8, "What an auditor reads", "controls with their evidence, clauses 4 to 10, the card")
    aims("report", "coverage", "--html", "coverage.html", actor="bo")
    aims("readiness", "--html", "readiness.html", actor="bo")
    aims(
        *("report", "card", f"{MODEL}@champion"),
        *("--html", "card.html", "--markdown", "card.md"),
        actor="bo",
    )
    aims("status", actor="bo")

    print(f"\nDone in {time.perf_counter() - STARTED:.0f} s. Written to {OUTPUT}:")
    for name, what in (
        ("coverage.html", "control coverage, one self-contained page"),
        ("readiness.html", "clauses 4 to 10 held against the log, with what to do first"),
        ("card.html", "the model card of the promoted model"),
        ("card.md", "the same as Markdown with Hugging Face metadata"),
        (".aims/evidence.db", "the evidence log"),
        (
            "mlflow.db",
            "MLflow's runs and registry: mlflow ui --backend-store-uri sqlite:///mlflow.db",
        ),
        ("transcript.txt", "every command of this demo with all that it printed"),
    ):
        print(f"  {name:20} {what}")
    open_the_console()


def open_the_console() -> None:
    """Say how to look at all this in a browser: a server to start, and a link that works once."""
    made = io.StringIO()
    with contextlib.redirect_stdout(made), contextlib.redirect_stderr(io.StringIO()):
        from aims_mlops.__main__ import main as command

        with contextlib.suppress(SystemExit):
            command(["people", "invite", "bo", "--hours", "24"])
    print("\nTo see it in a browser, as Bo, who answers for the risk:")
    print(f"  cd {OUTPUT} && {Path(sys.executable).parent / 'aims'} serve")
    print(f"  {made.getvalue().strip()}")
    print("The link works once, within 24 hours; aims people invite bo makes another.")


if __name__ == "__main__":
    main()
