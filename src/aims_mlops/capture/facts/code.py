"""The code of a run: commit, what differs from it, and the source of the decorated function."""

from __future__ import annotations

import hashlib
import inspect
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state.gaps import note
from aims_mlops.errors import InputError
from aims_mlops.evidence.urls import without_credentials

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

_GIT_TIMEOUT = 10  # seconds
# An untracked file of these kinds makes the tree dirty; data and results that lie about do not.
_SOURCE_SUFFIXES = frozenset(
    (".py", ".pyx", ".ipynb", ".r", ".jl", ".sql", ".sh", ".yaml", ".yml", ".toml", ".ini", ".cfg")
)


def code_of(run: RunState) -> dict[str, Any]:
    """The body of `code` evidence; every field is null where there is nothing to say.

    A repository that cannot be read becomes a gap of the run.
    """
    function = None if run.code is None else run.code.function
    source = None if function is None else _source_sha256(function)
    folder = str(_folder_of(function))
    problem = git_problem(folder)
    if problem is not None:
        note(run, "code", problem)
    return {
        **git_state(folder),
        "source_sha256": source,
        "qualified_name": None if run.code is None else run.code.qualified_name,
    }


def git_state(folder: str) -> dict[str, Any]:
    """Commit, dirty flag, digest of the difference and remote of a folder's repository.

    Looked at once a process and folder: what is edited later in a notebook's life shows in
    `source_sha256`, not here. What git does not say is null, and `git_problem` says why.
    """
    return dict(_looked_at(folder)[0])


def git_problem(folder: str) -> InputError | None:
    """Why a folder's repository could not be read; None without repository, or if it was read."""
    return _looked_at(folder)[1]


@cache
def _looked_at(folder: str) -> tuple[dict[str, Any], InputError | None]:
    state: dict[str, Any] = {"commit": None, "dirty": None, "diff_sha256": None, "remote": None}
    if not _in_repository(Path(folder)):
        return state, None
    try:
        top = _git(folder, "rev-parse", "--show-toplevel").decode().strip() or folder
        remote = _git(folder, "config", "--get", "remote.origin.url", may_fail=True)
        if remote:
            state["remote"] = without_credentials(remote.decode().strip())
        commit = _git(folder, "rev-parse", "--verify", "-q", "HEAD", may_fail=True)
        if not commit:
            return state, None  # nothing is committed yet
        state["commit"] = commit.decode().strip()
        diff = _git(folder, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv")
        untracked = _untracked_sources(top)
    except _GitError as error:
        return state, error.problem
    state["dirty"] = bool(diff or untracked)
    if state["dirty"]:
        state["diff_sha256"] = _difference_sha256(Path(top), diff, untracked)
    return state, None


def _in_repository(folder: Path) -> bool:
    """Whether a repository lies around a folder, as git itself looks for one."""
    if "GIT_DIR" in os.environ:
        return True
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def _untracked_sources(folder: str) -> list[str]:
    listed = _git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    names = (name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name)
    return sorted(name for name in names if Path(name).suffix.lower() in _SOURCE_SUFFIXES)


def _difference_sha256(top: Path, diff: bytes, untracked: list[str]) -> str:
    digest = hashlib.sha256(diff)
    for name in untracked:
        try:
            content = hashlib.sha256((top / name).read_bytes()).digest()
        except OSError:
            content = b"unreadable"
        digest.update(b"\0" + os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()


class _GitError(Exception):
    """git did not answer; `problem` says why, for people."""

    def __init__(self, problem: InputError) -> None:
        super().__init__()
        self.problem = problem


def _git(folder: str, *arguments: str, may_fail: bool = False) -> bytes:
    """What git prints; nothing where it ends with 1 and that says something (`may_fail`)."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", folder, *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_GIT_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise _GitError(_unread(f"git {arguments[0]} took over {_GIT_TIMEOUT} s")) from None
    except OSError as error:
        why = "there is no git" if isinstance(error, FileNotFoundError) else str(error.strerror)
        raise _GitError(_unread(why, "install git where the training runs")) from None
    if done.returncode == 0:
        return done.stdout
    if may_fail and done.returncode == 1:
        return b""
    if b"dubious ownership" in done.stderr:
        own = "git config --global --add safe.directory FOLDER, as the user who trains"
        raise _GitError(_unread("the repository belongs to another user", own))
    raise _GitError(_unread(f"git {arguments[0]} ended with {done.returncode}"))


def _unread(why: str, next_step: str = "run git status in the folder of the code") -> InputError:
    return InputError(
        "the repository around the code could not be read",
        got=why,
        expected="its commit, and whether the files differ from it",
        next_step=next_step,
    )


def _folder_of(function: Callable[..., Any] | None) -> Path:
    if function is not None:
        file = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", "")
        folder = Path(file).parent
        if file and folder.is_absolute() and folder.is_dir() and "site-packages" not in file:
            return folder
    return Path.cwd()


def _source_sha256(function: Callable[..., Any]) -> str | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else _digest_of_code(code)


# id of a code object -> (it, to keep the id from being used again; the digest). Not by equality:
# equal code can come from files with other comments and decorators.
_digests: dict[int, tuple[Any, str | None]] = {}
_DIGEST_LIMIT = 1024


def _digest_of_code(code: Any) -> str | None:
    """SHA-256 of the source text, decorators included; None where there is no source."""
    known = _digests.get(id(code))
    if known is None:
        try:
            digest = hashlib.sha256(inspect.getsource(code).encode()).hexdigest()
        except (OSError, TypeError, IndentationError):
            digest = None
        if len(_digests) >= _DIGEST_LIMIT:
            _digests.clear()
        known = _digests[id(code)] = (code, digest)
    return known[1]
