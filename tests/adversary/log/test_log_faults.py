"""File-system calls fail: EIO once, ENOSPC from then on. Nothing acknowledged is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aims_mlops.errors import StoreUnavailableError
from aims_mlops.evidence.records import Evidence
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

# The calls by which SQLite and the blob folder change files, and those that make changes durable.
CALLS = "pwrite64,write,fsync,fdatasync,ftruncate,openat,unlink,rename,link,mkdir,chmod,fchmod"
POINTS = 40  # the first so many of these calls fail, one after the other

WRITER = """
import sys
sys.path.insert(0, {folder!r})
from conftest import evidence
from aims_mlops.errors import AimsError
from aims_mlops.store.opening import open_sql_store

try:
    store = open_sql_store(sys.argv[1], create=False)
except AimsError as error:
    print("refused", type(error).__name__, flush=True)
    raise SystemExit
for i in range(4):
    label = f"{{sys.argv[2]}}-{{i}}"
    try:
        if i == 2:
            reference = store.put_blob(label.encode(), media_type="text/plain")
            blob = {{"sha256": reference.sha256, "size": reference.size}}
            blob["media_type"] = "text/plain"
            records = [store.append(evidence(label, report=blob))]
        elif i == 3:
            records = store.append_many([evidence(f"{{label}}-{{j}}") for j in range(5)])
        else:
            records = [store.append(evidence(label))]
    except AimsError as error:
        print("refused", type(error).__name__, flush=True)
        continue
    for record in records:
        print("stored", record.sequence, record.id, flush=True)
"""


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(
    not works("strace", "-e", "inject=fsync:error=EIO", "true"),
    reason="strace cannot inject faults here",
)
def test_failing_file_system_calls_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    url = f"sqlite:///{folder / 'evidence.db'}"
    store = open_sql_store(url)
    store.put_blob(b"first", media_type="text/plain")
    store.close()
    script = tmp_path / "writer.py"
    script.write_text(WRITER.format(folder=str(Path(__file__).parent)))
    acknowledged: dict[int, str] = {}
    refused = injected = 0
    for error, later in (("EIO", ""), ("ENOSPC", "+")):
        for point in range(1, POINTS + 1, 2):
            trace = tmp_path / "trace"
            watched = (folder, folder / "evidence.db", folder / "evidence.db-journal")
            done = subprocess.run(
                [
                    "strace", "-f", "-qq", "-o", str(trace),
                    *(word for path in watched for word in ("-P", str(path))),
                    "-e", f"trace={CALLS}",
                    "-e", f"inject={CALLS}:error={error}:when={point}{later}",
                    sys.executable, str(script), url, f"{error}{point}",
                ],
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
            injected += trace.read_text().count("(INJECTED)")
            for line in done.stdout.splitlines():
                kind, *rest = line.split()
                if kind == "refused":
                    refused += 1
                    assert rest[0] in ("StoreUnavailableError", "StoreError")
                    continue
                sequence = int(rest[0])
                assert sequence not in acknowledged, "a sequence number was used twice"
                acknowledged[sequence] = rest[1]
    store = open_sql_store(url)
    report = verify_store(store)
    assert report.ok, report.failures
    stored = {record.sequence: record.id for record in store.find()}
    lost = [s for s, record in acknowledged.items() if stored.get(s) != record]
    store.close()
    print(
        f"{injected} calls made to fail, {refused} appends refused with a typed error, "
        f"{len(acknowledged)} acknowledged, {len(lost)} lost"
    )
    assert lost == []
    assert injected > 40
    assert refused > 10
    assert len(acknowledged) > 10


def test_full_disk_is_refused_with_the_reason_and_the_log_stays_whole(
    tmp_path: Path, make_evidence: Callable[..., Evidence]
) -> None:
    """The database's own limit on pages stands for the disk's: SQLite reports both alike."""
    store = open_sql_store(f"sqlite:///{tmp_path / 'evidence.db'}")
    store.append(make_evidence(0))
    with store.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailableError, match="full"):
        store.append_many([make_evidence(i) for i in range(500)])
    assert store.status().size == 1
    assert verify_store(store).ok
    store.close()


def test_folder_that_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot be made"):
        open_sql_store(f"sqlite:///{tmp_path / 'file' / 'log' / 'evidence.db'}")
    with pytest.raises(StoreUnavailableError, match="no evidence store"):
        open_sql_store(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    shutil.copy(tmp_path / "file", tmp_path / "text.db")
    (tmp_path / "text.db").write_text("this is not a database at all, just some text" * 50)
    with pytest.raises(Exception, match="damaged"):
        open_sql_store(f"sqlite:///{tmp_path / 'text.db'}")
