"""A policy of one's own, copied from a pack."""

from __future__ import annotations

import re

from aims_mlops.policy.packs import pack_path

_ID = re.compile(r"^id: .*$", re.MULTILINE)
_TITLE = re.compile(r"^title: .*$", re.MULTILINE)

_HEAD = """\
# Copied from the pack {pack!r} of aims-mlops: yours to change. The grammar is one page,
# `checks/README.md`; `aims policy explain {file}` says in words what this file asks for.
"""
_TARGETS = """
targets:
  - name: {target}

# Limits on figures of your own, such as:
# rules:
#   - id: performance.recall
#     measure: recall_score
#     min: 0.6
#     limit_on: interval   # the whole interval must keep the limit, not just the estimate
#     min_n: 100
#     controls: [A.6.2.4]
"""


def policy_text(*, pack: str, target: str, file: str) -> str:
    """The pack's text under a new id and for one target; its comments stay."""
    path = pack_path(pack)
    if path is None:
        raise FileNotFoundError(pack)
    text = path.read_text(encoding="utf-8")
    text = _ID.sub(f"id: {target}", text, count=1)
    text = _TITLE.sub(f"title: What a promotion to {target} needs", text, count=1)
    if re.search(r"^targets:", text, re.MULTILINE):  # the pack says for whom it is
        text = text.replace('  - name: "*"\n', f"  - name: {target}\n", 1)
        return _HEAD.format(pack=pack, file=file) + text
    head = _HEAD.format(pack=pack, file=file)
    return head + text.rstrip() + "\n" + _TARGETS.format(target=target)
