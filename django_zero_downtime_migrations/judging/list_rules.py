"""``check_migrations --list-rules``: all rules, with what each of them looks for."""

from __future__ import annotations

from collections.abc import Container, Mapping

from ..findings import Severity
from ..rules import BY_CODE


def listed(ignored: Container[str], severity: Mapping[str, Severity]) -> str:
    """Return a line for each rule: code, severity, the programs that go by it, and what it looks for.

    :param ignored: codes of rules that the project has turned off.
    :param severity: the project's own severities, by code.
    """
    lines = []
    width = max(map(len, BY_CODE))
    for code, rule in BY_CODE.items():
        counts = "off" if code in ignored else severity.get(code, rule.severity).value
        who = "check_migrations" if rule.only_checked else "migrate too"
        lines.append(f"{code:{width}}  {counts:6}  {who:16}  {rule.when}")
    return "\n".join(lines)
