"""Messages of libraries that cannot hold data: what stands in their source, word for word.

A message may quote a value of the data, unless it is a constant of the code that raised it, or says
nothing but the name of an argument, a module or a class.
"""

from __future__ import annotations

import re
import sys
import types

from aims_mlops.capture.state.packages import packages_of

_NAMES_ONLY = (
    re.compile(r"No module named '[\w.]+'"),
    re.compile(r"cannot import name '\w+' from '[\w.]+'"),
    re.compile(r"[\w.<>]+\(\) got an unexpected keyword argument '\w+'"),
    re.compile(
        r"[\w.<>]+\(\) missing \d+ required (?:positional|keyword-only) arguments?: [\w', ]+"
    ),
    re.compile(r"cannot pickle '[\w.]+' object"),
    re.compile(r"Can't (?:pickle|get) local object '[\w.<>]+'"),
)
_KINDS = (ImportError, TypeError, AttributeError)  # that Python raises with names alone


def constant_message(error: BaseException) -> str | None:
    """The message of an error, if it cannot hold data; else None."""
    text = str(error)
    if isinstance(error, _KINDS) and any(form.fullmatch(text) for form in _NAMES_ONLY):
        return text
    if isinstance(error, ImportError):
        short = text.partition(" (")[0]  # the file that it was looked for in
        return short if any(form.fullmatch(short) for form in _NAMES_ONLY) else None
    code = _raising_code(error)
    if code is not None and text and text in _constants(code):
        return text
    return None


def _raising_code(error: BaseException) -> types.CodeType | None:
    """The code that raised it, if it belongs to an installed package."""
    trace = error.__traceback__
    if trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    if module in sys.stdlib_module_names or packages_of(module):
        return trace.tb_frame.f_code
    return None


def _constants(code: types.CodeType) -> set[str]:
    return {constant for constant in code.co_consts if isinstance(constant, str)}
