"""What words and commands call the same thing, and which of them exclude each other, such as start and stop."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

I = re.IGNORECASE  # noqa: E741
SAID: Mapping[str, re.Pattern[str]] = {
    "reload": re.compile(r"\breload(?:s|ing)?\b", I),
    "restart": re.compile(r"\b(?:re-?start(?:s|ing)?|bounce)\b(?! (?:the )?(?:node|host|machine|server"
        r"|computer)s?\b)", I),
    "reboot": re.compile(r"\breboot(?:s|ing)?\b|\brestart (?:the )?(?:node|host|machine|server|computer)s?\b", I),
    "start": re.compile(r"(?<!re)(?<!re-)\bstart(?:ing)?\b(?! (?:with|from|at|over|by))", I),
    "stop": re.compile(r"\b(?:stop(?:ping)?|shut(?:ting)? down)\b(?! here| reading)", I),
    "enable": re.compile(r"\b(?:enabl(?:e|ing)|(?:turn|switch)(?:ing)? (?:\w+ ){0,4}?on)\b", I),
    "disable": re.compile(r"\b(?:disabl(?:e|ing)|(?:turn|switch)(?:ing)? (?:\w+ ){0,4}?off)\b", I),
    "cordon": re.compile(
        r"(?<!un)\bcordon(?:ing)?\b|\bkeep (?:all )?new (?:work|pods|jobs|load) (?:off|away from)\b"
        r"|\bunschedulable\b", I
    ),
    "uncordon": re.compile(
        r"\b(?:uncordon(?:ing)?|undrain|(?:return|bring back|put back|give back) the (?:node|host|machine)"
        r"|(?:give|put|bring|take) (?:the |this )?(?:node|host|machine|it) back)\b",
        I,
    ),
    "drain": re.compile(r"(?<!un)\bdrain(?:ing)?\b", I),
    "cancel": re.compile(r"\bcancel(?:s|ling|ing)?\b", I),
    "terminate": re.compile(r"\b(?:terminat(?:e|ing)|kill(?:ing)?) (?:the |its |this |that )?(?:session"
        r"|connection|backend)s?\b", I),
    "rollback": re.compile(r"\b(?:roll(?:ing)? (?:it |them |the [\w ]{1,30} )?back|undo the release|(?:previous"
        r"|former) (?:release|revision)|return to the (?:release|revision|version)|(?:release|revision"
        r"|version) before)\b", I),
    "upgrade": re.compile(r"\bupgrad(?:e|ing)\b", I),
    "pause": re.compile(r"\b(?:paus(?:e|ing)|suspend(?:ing)?|hold(?:ing)? back|put on hold)\b", I),
    "resume": re.compile(r"\b(?:resum(?:e|ing)|unpaus(?:e|ing)|releas(?:e|ing) (?:the )?(?:job|hold))\b", I),
    "out": re.compile(r"\b(?:take|mark|set) (?:\w+ ){0,4}?out\b", I),
    "in": re.compile(r"\b(?:take|mark|set|bring) (?:\w+ ){0,4}?(?:back )?in\b(?! the)", I),
    "none": re.compile(r"\bscal(?:e|ing)\b[^.;]{0,50}\bto (?:0|zero|none|nothing)\b", I),
    "more": re.compile(r"\bscal(?:e|ing)(?: [^.;]{0,40})? (?:up|out)\b"
        r"|\badd(?:ing)? (?:\w+ ){0,2}(?:consumers?|replicas?|workers?|pods?|instances?)\b", I),
    "delete": re.compile(r"\b(?:delet(?:e|es|ing)|remov(?:e|es|ing)|drop(?:ping)?|purg(?:e|ing)|uninstall\w*)\b", I),
    "gently": re.compile(r"\bgracefully\b|\bwithout force\b", I),
}  # fmt: skip
DONE: Mapping[str, re.Pattern[str]] = {
    "reload": re.compile(r"\breload\b|-HUP\b|-s reload"),
    "restart": re.compile(r"\b(?:systemctl|service)\b.*\brestart\b|\brollout\s+restart\b|state=restarted"
        r"|\bdocker restart\b"),
    "reboot": re.compile(r"\b(?:reboot|shutdown -r|Restart-Computer)\b"),
    "start": re.compile(r"\bsystemctl\b.*\b(?<!re)start\b|state=started|\bdocker start\b|\bStart-\w+"),
    "stop": re.compile(r"\bsystemctl\b.*\bstop\b|state=stopped|\bdocker stop\b|\bStop-\w+"),
    "enable": re.compile(r"\benable\b|\bon\s*$|\bunmask\b"),
    "disable": re.compile(r"\bdisable\b|\boff\s*$|\bmask\b"),
    "cordon": re.compile(r"\b(?<!un)cordon\b"),
    "uncordon": re.compile(r"\buncordon\b|\bstate=(?:resume|idle)\b", I),
    "drain": re.compile(r"\b(?:kubectl|oc)\b.*\bdrain\b|\bstate=drain\b", I),
    "down": re.compile(r"\bstate=(?:down|fail)\b", I),
    "cancel": re.compile(r"\bpg_cancel_backend\b|\bKILL QUERY\b", I),
    "terminate": re.compile(r"\bpg_terminate_backend\b|\bKILL CONNECTION\b", I),
    "rollback": re.compile(r"\brollout\s+undo\b|\brollback\b|\brevert\b"),
    "upgrade": re.compile(r"\bhelm\b.*\bupgrade\b"),
    "pause": re.compile(r"\b(?:pause|suspend|hold)\b"),
    "resume": re.compile(r"\b(?:resume|unpause|release)\b"),
    "out": re.compile(r"\bosd out\b"),
    "in": re.compile(r"\bosd in\b"),
    "none": re.compile(r"--replicas[= ]0\b"),
    "some": re.compile(r"--replicas[= ](?:[1-9]|\$|<)"),
    "delete": re.compile(
        r"\b(?:kubectl|oc)\b.{0,120}\bdelete\s+(?!pods?\b|po\b|jobs?\b)|\buninstall\b|\bdestroy\b|\bRemove-\w+"
        r"|\bDROP (?:TABLE|DATABASE)\b"
    ),
    "hard": re.compile(r"\bkill\s+-(?:9|KILL|SIGKILL)\b|--grace-period[= ]0|(?<![\w-])--force\b"),
}  # fmt: skip
# What is said, and what no command that is said so does.
EXCLUDES: Mapping[str, frozenset[str]] = {
    "reload": frozenset({"restart", "stop", "reboot", "delete"}),
    "restart": frozenset({"stop", "rollback", "reboot", "reload", "delete"}),
    "reboot": frozenset({"stop", "drain", "uncordon", "delete"}),
    "start": frozenset({"stop", "delete"}),
    "stop": frozenset({"start", "restart", "delete"}),
    "enable": frozenset({"disable"}),
    "disable": frozenset({"enable"}),
    "cordon": frozenset({"uncordon", "drain", "delete"}),
    "uncordon": frozenset({"cordon", "drain", "down", "delete"}),
    "drain": frozenset({"uncordon"}),
    "cancel": frozenset({"terminate", "delete"}),
    "terminate": frozenset({"cancel"}),
    "rollback": frozenset({"restart", "upgrade", "delete"}),
    "upgrade": frozenset({"rollback"}),
    "pause": frozenset({"resume", "delete"}),
    "resume": frozenset({"pause", "delete"}),
    "out": frozenset({"in"}),
    "in": frozenset({"out"}),
    "none": frozenset({"some"}),
    "more": frozenset({"none"}),
    "gently": frozenset({"hard"}),
}


def said_in(text: str) -> frozenset[str]:
    return frozenset(kind for kind, pattern in SAID.items() if pattern.search(text))


def done_by(commands: Iterable[str]) -> frozenset[str]:
    return frozenset(kind for text in commands for kind, pattern in DONE.items() if pattern.search(text))


_HEDGED = re.compile(
    r"\b(?:instead of|override|despite|before(?!\W*$)|after(?! another| the other)|if|when|once|rather than|not"
    r"|without|until|undo|cannot"
    r"|won't|fails? to|in place of|no need to|never|may)\b",
    I,
)
_FALLS_SHORT = re.compile(r"\b(?:is|was|does|did|do|would|will) not\b|\b(?:cannot|fails?|enough|help)\b", I)


def meant_in(text: str) -> frozenset[str]:
    """The kinds of deeds that a clause orders: neither put off, nor ruled out, nor found wanting."""
    return frozenset(
        kind
        for kind, pattern in SAID.items()
        if (found := pattern.search(text))
        and not _HEDGED.search(text[: found.start()])
        and not _FALLS_SHORT.search(text[found.end() :])
    )


def excluded(said: Iterable[str], done: frozenset[str], forgiven: frozenset[str]) -> bool:
    """Whether the commands do what one of the words excludes, none does what it says, and no word says that too."""
    return any(EXCLUDES.get(kind, frozenset()) & done - forgiven and kind not in done for kind in said)
