"""Whether words or commands change things: known to be read-only, or risky."""

from __future__ import annotations

import re

# Words of instructions that change something when carried out.
_CHANGES = re.compile(
    r"\b(?:appl(?:y|ies|ying)|chang(?:e|ing)|clean(?:up)?|clear|cordon|decommission|decreas(?:e|ing)|delet(?:e|ing)"
    r"|deploy|detach|disabl(?:e|ing)|disconnect|drain(?:ing)?|edit(?:ing)?|enabl(?:e|ing)|evict|expand|fail ?over"
    r"|format|free|grow|increas(?:e|ing)|install|kill|migrat(?:e|ing)|modify|mov(?:e|ing)|patch|power|prun(?:e|ing)"
    r"|purg(?:e|ing)|reboot(?:ing)?|re-?creat(?:e|ing)|reconfigur(?:e|ing)|reduc(?:e|ing)|remov(?:e|ing)|re-?import"
    r"|reinstall|replac(?:e|ing)|reset|resiz(?:e|ing)|restart(?:ing)?|restor(?:e|ing)|resum(?:e|ing)|revert"
    r"|revok(?:e|ing)|roll(?:ing)? ?back|rotat(?:e|ing)|scal(?:e|ing)|shut(?:ting)? ?down|silence|start|stop(?:ping)?"
    r"|switch|tak(?:e|ing) .{1,30} out|terminat(?:e|ing)|truncat(?:e|ing)|turn (?:on|off)|uncordon|uninstall|unmount"
    r"|upgrad(?:e|ing)|updat(?:e|ing)|wip(?:e|ing)|add(?:ing)?|set(?:ting)?|import|merge|write|fix)\b",
    re.IGNORECASE,
)


def risk_of(title: str, text: str) -> str:
    """The word that makes an instruction risky; empty when it names no change."""
    found = _CHANGES.search(title) or _CHANGES.search(text)
    return f"'{found[0].lower()}'" if found else ""
