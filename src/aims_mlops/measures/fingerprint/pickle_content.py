"""What a pickle says, without executing it: the same for every way to write the same objects.

Pickles of equal objects differ in what was shared in memory, in the order of sets, in padding
between the fields of arrays and in the ids that cloudpickle gives to classes. The pickle is read by
a machine that knows no class: each is a name, each call a name with arguments.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from typing import Any

_MARK = "_mlflow_run_id"  # which autologging puts on an estimator


def canonical_pickle(content: bytes) -> bytes:
    """The digest (32 bytes) of what a pickle describes.

    Raises what the reading machine raises on something that is not a pickle.
    """
    reader = _Reader(io.BytesIO(content))
    root = reader.load()
    writer = _Writer()
    writer.feed(root)
    for call in reader.calls:  # whose result was dropped, such as the setting of a state
        writer.feed(call)
    return writer.digest.digest()


def modules_in(content: bytes) -> set[str]:
    """Top-level modules that unpickling would import."""
    reader = _Reader(io.BytesIO(content))
    reader.load()
    return {module.partition(".")[0] for module in reader.modules}


class _Thing:
    """Whatever a class or function would have made; `of` is its name."""

    of: str = ""
    calls: list[_Thing]

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(cls, type):  # a class that the pickle itself has made
            return cls(*args, **kwargs)
        made: Any = object.__new__(cls)
        made.__dict__["parts"] = [("called", args, kwargs)]
        cls.calls.append(made)  # type: ignore[attr-defined]
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing more; `__new__` has kept the arguments."""

    def __call__(self, *args: Any, **kwargs: Any) -> _Thing:
        made = object.__new__(_Thing)
        made.__dict__["parts"] = [("called", (self, *args), kwargs)]
        self.calls.append(made)
        return made

    def __setstate__(self, state: Any) -> None:
        self.__dict__["parts"].append(("state", state))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__["parts"].append(("item", key, value))

    def append(self, value: Any) -> None:
        self.__dict__["parts"].append(("append", value))

    def extend(self, values: Any) -> None:
        for value in values:
            self.append(value)

    def add(self, value: Any) -> None:
        self.append(value)


class _Reader(pickle._Unpickler):
    """An unpickler that imports nothing and calls nothing."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.calls: list[_Thing] = []
        self.modules: set[str] = set()
        self._names: dict[tuple[str, str], type] = {}

    def find_class(self, module: str, name: str) -> type:
        self.modules.add(module)
        key = (module, name)
        if key not in self._names:
            attributes = {"of": f"{module}.{name}", "calls": self.calls}
            self._names[key] = type("Named", (_Thing,), attributes)
        return self._names[key]

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("a code of the extension registry says nothing by itself")

    def persistent_load(self, pid: Any) -> Any:
        return ("persistent", pid)


class _Writer:
    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._open: dict[int, int] = {}
        self._done: dict[int, bytes] = {}

    def feed(self, value: Any) -> None:
        self.digest.update(self._of(value))

    def _of(self, value: Any) -> bytes:
        """The digest of a value; a value inside itself counts by how far up it is."""
        key = id(value)
        if key in self._open:
            return _hashed(b"inside", str(len(self._open) - self._open[key]).encode())
        if key in self._done:
            return self._done[key]
        self._open[key] = len(self._open)
        try:
            found = self._made(value)
        finally:
            del self._open[key]
        if isinstance(value, _Thing | list | dict | tuple):
            self._done[key] = found
        return found

    def _made(self, value: Any) -> bytes:
        if isinstance(value, type) and issubclass(value, _Thing):
            return _hashed(b"name", value.of.encode())
        if isinstance(value, _Thing):
            return _hashed(value.of.encode(), *(self._of(part) for part in _parts(value)))
        if isinstance(value, dict):
            pairs = [self._of(item) for pair in value.items() if pair[0] != _MARK for item in pair]
            return _hashed(b"dict", *pairs)
        if isinstance(value, list | tuple):
            return _hashed(type(value).__name__.encode(), *(self._of(item) for item in value))
        if isinstance(value, set | frozenset):
            return _hashed(b"set", *sorted(self._of(item) for item in value))
        if isinstance(value, bytes | bytearray):
            return _hashed(b"bytes", bytes(value))
        return _hashed(type(value).__name__.encode(), repr(value).encode("utf-8", "surrogatepass"))


def _parts(thing: _Thing) -> list[Any]:
    parts: list[Any] = list(thing.__dict__["parts"])
    args: Any = parts[0][1]
    kwargs: dict[str, Any] = parts[0][2]
    if thing.of.endswith("._make_skeleton_class") and len(args) > 4:
        args = (*args[:4], None, *args[5:])  # an id of cloudpickle's, new in each process
    elif thing.of.endswith("._frombuffer") and len(args) == 4:
        args = (_without_padding(args[0], args[1]), *args[1:])
    elif thing.of.endswith("._reconstruct") and len(parts) > 1 and len(parts[1][1]) == 5:
        version, shape, kind, order, content = parts[1][1]
        parts[1] = ("state", (version, shape, kind, order, _without_padding(content, kind)))
    return [(args, kwargs), *parts[1:]]


def _without_padding(content: Any, kind: Any) -> Any:
    """An array's bytes with zeros between the fields of its rows."""
    parts: list[Any] = kind.__dict__["parts"] if isinstance(kind, _Thing) else []
    state: Any = parts[1][1] if len(parts) > 1 else ()
    if not isinstance(content, bytes | bytearray) or len(state) < 6 or not state[3]:
        return content
    width = int(state[5])
    mask = bytearray(width)
    for part, offset, *_ in state[4].values():
        size = int("".join(c for c in part.__dict__["parts"][0][1][0] if c.isdigit()))
        mask[offset : offset + size] = b"\xff" * size
    wide = int.from_bytes(bytes(mask) * (len(content) // width), "little")
    return (int.from_bytes(content, "little") & wide).to_bytes(len(content), "little")


def _hashed(*parts: bytes) -> bytes:
    running = hashlib.sha256()
    for part in parts:
        running.update(len(part).to_bytes(8, "little"))
        running.update(part)
    return running.digest()
