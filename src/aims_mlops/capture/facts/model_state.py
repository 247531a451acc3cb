"""What a model in memory consists of: a digest of its state, and the modules it is made of.

Two looks at one object in one process give the same digest exactly when nothing in it that can be
written down has changed between them. It is walked the way pickling would walk it, with arrays by
their bytes and functions, classes and modules by identity; nothing of it is kept.
"""

from __future__ import annotations

import copyreg
import dis
import hashlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

MLFLOW_MARK = "_mlflow_run_id"  # which autologging puts on an estimator after it has logged it
_NODES_LIMIT = 2_000_000  # objects; some seconds of walking
_BY_IDENTITY = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)


def state_of(model: object) -> str | None:
    """SHA-256 (hex) over the model's state; None for one that cannot be walked.

    Good for comparison in this process only, while the objects it was made of live.
    """
    walk = _Walk()
    try:
        walk.feed(model)
    except Exception:  # noqa: BLE001  what cannot be walked cannot be shown to be the same
        return None
    return walk.digest.hexdigest()


def modules_of(model: object) -> set[str] | None:
    """Top-level modules whose classes and functions the model is made of; None if unknown.

    `__main__` is among them where something of the model lives there; what its functions import
    or name is, too, for pickling by value takes them along.
    """
    walk = _Walk()
    try:
        walk.feed(model)
    except Exception:  # noqa: BLE001  the caller falls back to what the class says
        return None
    return walk.modules


class _Walk:
    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.modules: set[str] = set()
        self._seen: dict[int, int] = {}
        self._alive: list[object] = []  # so that no id is used twice
        self._noted: set[int] = set()  # ids of classes and functions, which live on

    def feed(self, value: Any) -> None:
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str):
            self._token(kind.__name__, repr(value))
            return
        if kind is bytes or kind is bytearray:
            self._token(kind.__name__, str(len(value)))
            self.digest.update(value)
            return
        if id(value) in self._seen:
            self._token("seen", str(self._seen[id(value)]))
            return
        if len(self._seen) >= _NODES_LIMIT:
            raise ValueError("the model has too many parts to be walked")
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        if isinstance(value, _BY_IDENTITY):
            self._token("identity", str(id(value)))
            self._note(value)
            for cell in getattr(value, "__closure__", None) or ():
                self.feed(cell.cell_contents)
        elif kind in (tuple, list):
            self._token(kind.__name__, str(len(value)))
            for item in value:
                self.feed(item)
        elif kind is dict:
            kept = [pair for pair in value.items() if pair[0] != MLFLOW_MARK]
            self._token("dict", str(len(kept)))
            for key, item in kept:
                self.feed(key)
                self.feed(item)
        elif kind in (set, frozenset):
            self._token(kind.__name__, str(len(value)))
            for item in sorted(value, key=lambda item: (type(item).__name__, repr(item))):
                self.feed(item)
        elif kind is types.MethodType:
            self.feed(value.__func__)
            self.feed(value.__self__)
        elif (content := _content_of(value)) is not None:
            self._note(kind)
            for part in content:
                self.feed(part)
        else:
            self._feed_object(value)

    def _feed_object(self, value: Any) -> None:
        """An object of any class, by what pickling would write of it."""
        kind = type(value)
        self._note(kind)
        reduce = copyreg.dispatch_table.get(kind)
        found = reduce(value) if reduce is not None else value.__reduce_ex__(4)
        if isinstance(found, str):  # a global
            self._token("identity", str(id(value)))
            return
        function, arguments, *rest = found
        padded: list[Any] = [*rest, None, None, None]
        self._token("object", f"{kind.__module__}.{kind.__qualname__}")
        self.feed(function)
        self.feed(tuple(arguments))
        self.feed(padded[0])  # state
        for item in padded[1] or ():  # of a list
            self.feed(item)
        for pair in padded[2] or ():  # of a mapping
            self.feed(tuple(pair))

    def _token(self, kind: str, text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        self.digest.update(f"{kind}:{len(content)}:".encode())
        self.digest.update(content)

    def _note(self, value: Any) -> None:
        if isinstance(value, types.ModuleType):
            self.modules.add(value.__name__.partition(".")[0])
            return
        kinds = value.__mro__ if isinstance(value, type) else (value,)
        for kind in kinds:
            if id(kind) in self._noted:
                continue
            self._noted.add(id(kind))
            module = getattr(kind, "__module__", None)
            if isinstance(module, str):
                self.modules.add(module.partition(".")[0])
                if goes_by_value(module):
                    self._note_code(kind)

    def _note_code(self, value: Any) -> None:
        """The modules that code which is written by value imports or names."""
        functions = vars(value).values() if isinstance(value, type) else (value,)
        for function in functions:
            function = getattr(function, "__func__", function)
            code = getattr(function, "__code__", None)
            if code is None:
                continue
            scope = getattr(function, "__globals__", {})
            for name, imported in _names_in(code):
                if imported:
                    self.modules.add(name.partition(".")[0])
                elif isinstance(named := scope.get(name), _BY_IDENTITY):
                    self._note(named)


def goes_by_value(module: str) -> bool:
    """Whether a module is one that only this program has: its script, notebook or own files."""
    top = module.partition(".")[0]
    if top in ("__main__", "__mp_main__"):
        return True
    if top in sys.stdlib_module_names or top == "builtins":
        return False
    from aims_mlops.capture.state.packages import packages_of

    loaded = sys.modules.get(top)
    files = getattr(loaded, "__file__", None) or getattr(loaded, "__path__", None)
    return bool(files) and not packages_of(top)  # one without files belongs to some library


def _names_in(code: types.CodeType) -> Iterator[tuple[str, bool]]:
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            yield str(step.argval), True
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(step.argval), False
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _content_of(value: Any) -> tuple[Any, ...] | None:
    """What counts of an object that pickling would copy, or write differently each time."""
    for kind in type(value).__mro__:
        read = _CONTENTS.get((kind.__module__.partition(".")[0], kind.__name__))
        if read is not None:
            return read(value)
    return None


def _array(value: Any) -> tuple[Any, ...]:
    if value.dtype.hasobject:
        return ("objects", value.shape, value.tolist())
    if value.dtype.names:  # without the padding between the fields, which is anything
        fields = tuple((name, value[name]) for name in value.dtype.names)
        return ("fields", value.shape, fields)
    return (value.dtype.str, value.shape, value.tobytes())


def _tensor(value: Any) -> tuple[Any, ...]:
    import numpy as np

    plain = value.detach().cpu().contiguous()
    content = plain.flatten().view(__import__("torch").uint8).numpy() if plain.numel() else None
    return (
        str(plain.dtype),
        tuple(plain.shape),
        b"" if content is None else np.ascontiguousarray(content).tobytes(),
        bool(value.requires_grad),
    )


def _keras(value: Any) -> tuple[Any, ...]:
    return (type(value), repr(value.get_config()), value.get_weights())


def _message(value: Any) -> tuple[Any, ...]:
    return (type(value), value.SerializeToString(deterministic=True))


def _pipeline(value: Any) -> tuple[Any, ...]:
    return (type(value), value.to_bytes())


_CONTENTS: dict[tuple[str, str], Callable[[Any], tuple[Any, ...]]] = {
    ("numpy", "ndarray"): _array,
    ("torch", "Tensor"): _tensor,
    ("keras", "Model"): _keras,
    ("onnx", "ModelProto"): _message,
    ("spacy", "Language"): _pipeline,
}
