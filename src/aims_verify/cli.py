"""`aims-verify BUNDLE`: exit 0 if all holds, 1 if something fails, 2 if it cannot be read."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import NoReturn

from cryptography.x509 import Certificate, load_pem_x509_certificates

from aims_verify.findings import Findings, UnreadableError, printable
from aims_verify.note import Checkpoint, parse_key
from aims_verify.verify import open_kept, verify


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit."""
    options = _parser().parse_args(arguments)
    try:
        kept = _kept(options.checkpoint)
        keys = tuple(parse_key(_text(value)) for value in options.key)
        findings = verify(
            options.bundle,
            kept=kept,
            keys=keys,
            roots=_roots(options.tsa_root),
            cores=options.cores,
            accept_withheld=options.accept_withheld,
        )
    except UnreadableError as error:
        _stop(f"{options.bundle}: {error}", as_json=options.json)
    except OSError as error:
        _stop(f"{error.filename or options.bundle}: {error.strerror}", as_json=options.json)
    sys.stdout.write(_report(findings, options) + "\n")
    sys.exit(0 if findings.good else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aims-verify",
        description="Verify a bundle of evidence offline: no store, no server, no network.",
        epilog="Exit code: 0 all that could be checked holds, 1 something fails, "
        "2 the bundle cannot be read.",
    )
    parser.add_argument("bundle", type=Path, help="file written by `aims evidence export`")
    parser.add_argument(
        "--checkpoint", type=Path, help="a checkpoint that you kept; the log must continue it"
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help="the log's key, got by another way: name+hash+base64, its id, or a file with either",
    )
    parser.add_argument(
        "--tsa-root",
        action="append",
        default=[],
        type=Path,
        help="PEM file with the root certificate of a time-stamp authority",
    )
    parser.add_argument(
        "--accept-withheld",
        action="store_true",
        help="no failure if the export says which content it leaves out, and the log signed that",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--cores", type=int, help="processes to use (every core)")
    return parser


def _kept(path: Path | None) -> Checkpoint | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return open_kept(file)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from error


def _roots(paths: list[Path]) -> list[Certificate]:
    found: list[Certificate] = []
    for path in paths:
        try:
            found.extend(load_pem_x509_certificates(path.read_bytes()))
        except ValueError as error:
            raise UnreadableError(f"{path} holds no certificate") from error
    return found


def _text(value: str) -> str:
    if "+" in value or len(value) == 64:
        return value
    return Path(value).read_text(encoding="utf-8", errors="replace")


def _report(findings: Findings, options: argparse.Namespace) -> str:
    if not options.json:
        return f"{printable(str(options.bundle))}\n\n{findings.to_text()}"
    return json.dumps(
        {
            "bundle": str(options.bundle),
            "good": findings.good,
            "fails": list(findings.failures()),
            "holds": findings.holds,
            "unchecked": findings.unchecked,
        },
        indent=2,
    )


def _stop(message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        sys.stdout.write(json.dumps({"good": False, "unreadable": message}, indent=2) + "\n")
    sys.stderr.write(f"aims-verify: {printable(message)}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
