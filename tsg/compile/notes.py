"""Where the compiler writes down what is wrong, instead of stopping at the first of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tsg.findings import Code, Finding, Severity


@dataclass
class Notes:
    """Findings about one guide, in the order they were met."""

    path: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, line: int, code: Code, message: str, hint: str) -> None:
        self.findings.append(Finding(self.path, line, code, Severity.ERROR, message, hint))

    def warn(self, line: int, code: Code, message: str, hint: str) -> None:
        self.findings.append(Finding(self.path, line, code, Severity.WARNING, message, hint))

    def info(self, line: int, code: Code, message: str, hint: str) -> None:
        self.findings.append(Finding(self.path, line, code, Severity.INFO, message, hint))
