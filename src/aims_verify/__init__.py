"""Verify an exported bundle offline, with nothing but the standard library and `cryptography`.

    from aims_verify import verify_bundle

The command `aims-verify` asks the same. These names are public, loaded on first use; the modules
of this package are not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_verify.findings import Findings as Findings
    from aims_verify.findings import UnreadableError as UnreadableError
    from aims_verify.verify import verify as verify_bundle

__all__ = ["Findings", "UnreadableError", "verify_bundle"]

# public name -> the module that defines it, and its name there
_HOME = {
    "Findings": ("aims_verify.findings", "Findings"),
    "UnreadableError": ("aims_verify.findings", "UnreadableError"),
    "verify_bundle": ("aims_verify.verify", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, defined = _HOME[name]
    value = getattr(importlib.import_module(module), defined)
    globals()[name] = value
    return value
