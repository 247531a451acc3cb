"""Without writer, disk or process predictions are answered, and every loss is counted."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.inference_log.columns.rows import LogSettings
from aims_mlops.inference_log.recorder.recorder import Recorder
from aims_mlops.inference_log.recorder.recorders import forget_recorders, recorder_for
from aims_mlops.inference_log.recorder.recovery import tell_losses
from aims_mlops.inference_log.storage.layout import Folder
from aims_mlops.inference_log.storage.state import state_folder
from aims_mlops.inventory.declared.inference_settings import Inference
from aims_mlops.inventory.project import Project

Bodies = Callable[..., list[dict[str, Any]]]


@aims.monitored(system="loans")
def predict(features: Any) -> Any:
    return [0.5] * len(features)


def recorder(project: Project, **settings: Any) -> Recorder:
    folder = settings.pop("folder", "log")
    kept = LogSettings(Inference(flush_seconds=3600, **settings), b"")
    return Recorder(project, "loans", Folder.of(folder, project.root), kept)


def take(to: Recorder, *rows: int) -> None:
    for number in rows:
        to.take(f"r{to.counts.calls}", None, [0.5] * number, time.time_ns(), 1000)


def written(project: Project) -> int:
    folder = project.root / "log" / "system=loans"
    return len(pd.read_parquet(folder)) if list(folder.rglob("*.parquet")) else 0


def test_queue_that_is_full_drops_and_counts(project: Project, told: Bodies) -> None:
    log = recorder(project, queue_rows=10)
    take(log, 6, 4, 1, 3)
    assert log.counts.queue_full == 4
    log.flush()
    take(log, 2)
    log.close()
    assert written(project) == 12
    (body,) = told()
    assert (body["rows"], body["written"], body["dropped"]) == (16, 12, {"queue full": 4})


def test_batch_larger_than_the_queue_is_taken_if_nothing_waits(project: Project) -> None:
    log = recorder(project, queue_rows=10)
    take(log, 25, 1)
    log.close()
    assert written(project) == 25


def test_folder_that_cannot_be_written_is_tried_again_and_nothing_is_lost(
    project: Project, told: Bodies
) -> None:
    (project.root / "log").write_text("a file where the folder should be")
    log = recorder(project)
    take(log, 3)
    log.flush()
    assert (log.counts.written, log.counts.waiting) == (0, 3)
    (project.root / "log").unlink()
    take(log, 2)
    log.close()
    assert written(project) == 5
    (body,) = told()
    assert (body["written"], body["dropped"]) == (5, {})


def test_folder_that_stays_broken_to_the_end_is_counted(project: Project, told: Bodies) -> None:
    (project.root / "log").write_text("a file where the folder should be")
    log = recorder(project, queue_rows=5)
    take(log, 3, 2, 4)
    log.close()
    (body,) = told()
    assert body["dropped"] == {"queue full": 4, "folder not writable": 5}
    assert (body["rows"], body["written"], body["waiting"]) == (9, 0, 0)


def test_disk_that_is_full_counts_what_did_not_fit_and_answers(
    project: Project, told: Bodies
) -> None:
    """A file may have 100 kB in this process, so that larger ones fail in the middle."""
    more = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import secrets
for _ in range(200):
    answers = [predict([{"income": 1.0, "colour": secrets.token_hex(500)}]) for _ in range(5)]
    assert answers == [[0.5]] * 5
"""
    assert run(project, more) == 0
    assert written(project) == 0
    assert list((project.root / "log").rglob("*.part")) == []
    assert tell_losses(project) == 0
    (body,) = told()
    assert (body["rows"], body["written"]) == (1007, 0)
    assert body["dropped"] == {"folder not writable": 1007}


def test_output_that_cannot_be_read_keeps_its_row_and_is_told(
    project: Project, told: Bodies
) -> None:
    class Odd:
        ndim = 1
        shape = (2,)

        def tolist(self) -> list[int]:
            raise RuntimeError("broken")

        dtype = None

    @aims.monitored(system="loans")
    def odd(features: Any) -> Any:
        return Odd()

    odd([{"income": 1.0}, {"income": 2.0}])
    (body,) = told()
    assert body["columns"]["unread_outputs"] == 2
    assert written(project) == 2


def test_writer_that_died_is_started_again(project: Project) -> None:
    log = recorder(project)
    take(log, 1)
    assert log._writer is not None
    log._writer._stop = True
    log._writer.wake()
    thread = log._writer._thread
    assert thread is not None
    thread.join(10)
    assert not log._writer.is_alive()
    take(log, 1)
    assert log._writer.is_alive()
    log.close()
    assert written(project) == 2


def test_calls_from_many_threads_are_all_counted_and_written(
    project: Project, told: Bodies
) -> None:
    def work() -> None:
        for _ in range(250):
            predict([{"income": 1.0}])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (body,) = told()
    assert (body["calls"], body["rows"], body["written"]) == (2000, 2000, 2000)
    assert written(project) == 2000


PROGRAM = """
import os, sys, time
import aims_mlops as aims

@aims.monitored(system="loans")
def predict(features):
    return [0.5] * len(features)

for _ in range(7):
    predict([{"income": 1.0}])
print(os.getpid(), flush=True)
"""


def run(project: Project, more: str = "") -> int:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + more], cwd=project.root, timeout=60, check=False
    ).returncode


def test_process_that_ends_by_itself_has_written_everything(project: Project, told: Bodies) -> None:
    assert run(project) == 0
    assert written(project) == 7
    (body,) = told()
    assert (body["calls"], body["written"], body["dropped"]) == (7, 7, {})
    assert list(state_folder(project.root).glob("*.tally")) == []


def test_killed_process_leaves_no_half_file_and_its_loss_is_told_once(
    project: Project, told: Bodies
) -> None:
    program = [sys.executable, "-c", PROGRAM + "time.sleep(60)"]
    with subprocess.Popen(program, cwd=project.root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        assert tell_losses(project) == 0  # it lives
        process.send_signal(signal.SIGKILL)
    assert list((project.root / "log").rglob("*.parquet")) == []
    assert tell_losses(project) == 7
    assert tell_losses(project) == 0
    (body,) = told("lost")
    assert (body["lost"], body["rows"], body["written"], body["unrecorded"]) == (7, 7, 0, 7)


def test_next_process_tells_what_a_killed_one_lost(project: Project, told: Bodies) -> None:
    assert run(project, "os.kill(os.getpid(), 9)") == -9
    assert run(project) == 0
    (body,) = told("lost")
    assert body["lost"] == 7
    assert [body["written"] for body in told()] == [7]


def test_file_that_was_written_just_before_the_kill_is_not_a_loss(
    project: Project, told: Bodies
) -> None:
    """Killed between the file and its count, as near as a test can get: the count is set back."""
    log = recorder(project)
    take(log, 4)
    log.flush()
    with log._lock:
        log.counts.written = log.counts.files = 0
        log.tally.put(log.counts)
    log.tally.close(remove=False)
    assert tell_losses(project) == 0
    (body,) = told("lost")
    assert (body["lost"], body["written"]) == (0, 4)
    assert [file["rows"] for file in body["files"]] == [4]
    log._writer = None


def test_what_a_killed_process_was_writing_is_removed(project: Project) -> None:
    log = recorder(project)
    take(log, 1)
    log.flush()
    (file,) = (project.root / "log").rglob("*.parquet")
    half = file.with_name(f".part-20261121T000000-{log.process}-000002.parquet.part")
    other = file.with_name(".part-20261121T000000-another-000001.parquet.part")
    for path in (half, other):
        path.write_bytes(b"half")
    assert len(pd.read_parquet(project.root / "log" / "system=loans")) == 1
    log.tally.close(remove=False)
    assert tell_losses(project) == 0
    assert not half.exists()
    assert other.exists()  # of a process that may be alive
    log._writer = None


def test_disk_without_a_byte_left_is_tried_again_until_there_is_room(
    project: Project, told: Bodies
) -> None:
    """A real ENOSPC: the log lies on a tmpfs of 64 kB."""
    log_folder = project.root / "small"
    log_folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(log_folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs")
    try:
        filler = log_folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        log = recorder(project, folder="small", queue_rows=8)
        take(log, 3, 3)
        log.flush()
        assert (log.counts.written, log.counts.waiting) == (0, 6)
        take(log, 5)
        assert log.counts.queue_full == 5
        filler.unlink()
        log.close()
        assert len(pd.read_parquet(log_folder / "system=loans")) == 6
        (body,) = told()
        assert (body["written"], body["dropped"]) == (6, {"queue full": 5})
    finally:
        subprocess.run(["umount", str(log_folder)], check=False)


def test_forked_child_has_a_log_of_its_own(project: Project, told: Bodies) -> None:
    more = """
child = os.fork()
predict([{"income": 1.0}])
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    assert run(project, more) == 0
    assert written(project) == 9
    assert sorted(body["written"] for body in told()) == [1, 8]
    assert len({body["process"] for body in told()}) == 2


def test_evidence_store_that_is_away_spools_what_it_cannot_take(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aims_mlops.store.disk.spool import pending

    monkeypatch.setenv("AIMS_STORE_URL", f"sqlite:///{project.root}/no-folder/as-file/x.db")
    (project.root / "no-folder").write_text("")
    log = recorder_for("loans", settings=Inference(folder="log"))
    take(log, 2)
    forget_recorders()
    assert written(project) == 2
    assert len(pending(project.root)) == 1


def test_clock_that_is_set_back_overwrites_nothing(project: Project) -> None:
    log = recorder(project)
    for moment in (time.time_ns(), time.time_ns() - 86_400_000_000_000, time.time_ns()):
        log.take("r", None, [1], moment, 1)
        log.flush()
    log.close()
    assert written(project) == 3
    assert len(list((project.root / "log" / "system=loans").glob("day=*"))) == 2


def test_memory_is_bounded_in_bytes_too(project: Project, told: Bodies) -> None:
    log = recorder(project, queue_megabytes=1, allow=("0",))
    for number in range(5):
        row = np.zeros((1, 50_000))  # 0.4 MB
        log.take(f"r{number}", log.inputs(f"r{number}", row), [1], time.time_ns(), 1)
    assert (log.counts.accepted, log.counts.queue_full) == (2, 3)
    log.flush()
    assert log._held == 0
    take(log, 1)
    log.close()
    (body,) = told()
    assert (body["written"], body["dropped"]) == (3, {"queue full": 3})


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_of_multiprocessing_writes_as_it_ends(
    project: Project, told: Bodies, method: str
) -> None:
    Path("child.py").write_text(
        "import multiprocessing\n"
        f"{PROGRAM.split('for _')[0]}"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    child = context.Process(target=predict, args=([{'income': 1.0}],))\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    assert subprocess.run([sys.executable, "child.py"], timeout=60, check=False).returncode == 0
    assert written(project) == 1
    assert [body["written"] for body in told()] == [1]


def test_folder_behind_a_url_is_written_and_on_record(project: Project, told: Bodies) -> None:
    import fsspec

    url = "memory://inference-losses"
    kept = LogSettings(Inference(flush_seconds=3600), b"")
    log = Recorder(project, "loans", Folder.of(url, project.root), kept)
    take(log, 3)
    log.close()
    found = fsspec.filesystem("memory").glob("/inference-losses/system=loans/day=*/part-*.parquet")
    assert len(found) == 1
    (body,) = told()
    assert (body["written"], body["folder"]) == (3, url)


def test_address_on_record_has_no_password(project: Project) -> None:
    folder = Folder.of("sftp://ana:secret@host.example/log?key=secret", project.root)
    assert folder.address == "sftp://host.example/log"


def test_duckdb_and_pandas_read_the_files_as_they_are(project: Project) -> None:
    import duckdb

    log = recorder(project)
    take(log, 3)
    log.close()
    pattern = f"{project.root}/log/system=loans/*/*.parquet"
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT count(*), avg(prediction), any_value(day)::VARCHAR "
            f"FROM read_parquet('{pattern}', hive_partitioning = true)"
        ).fetchone()
    assert found == (3, 0.5, time.strftime("%Y-%m-%d", time.gmtime()))
    frame = pd.read_parquet(project.root / "log" / "system=loans")
    assert list(frame["row"]) == [0, 1, 2]


def test_folder_that_does_not_answer_does_not_hold_the_end_of_the_process(
    project: Project, told: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is a server that takes the connection and never says a word."""
    import socket

    from aims_mlops.inference_log.recorder import writer

    pytest.importorskip("aiohttp")
    monkeypatch.setattr(writer, "_CLOSE_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        kept = LogSettings(Inference(flush_seconds=3600), b"")
        folder = Folder.of(f"http://127.0.0.1:{port}/log", project.root)
        log = Recorder(project, "loans", folder, kept)
        take(log, 3)
        begun = time.monotonic()
        log.close()
        assert 1 <= time.monotonic() - begun < 6
    (body,) = told()
    assert (body["written"], body["dropped"]) == (0, {"folder not writable": 3})
