"""How people write instructions: verbs of looking and doing, conditions, vague words, references."""

from __future__ import annotations

import re

from tsg.words import words

LOOK = words(
    "analyse analyze assess audit check compare confirm cross-check determine double-check ensure evaluate examine"
    " find gather get identify inspect investigate list locate look measure monitor observe query re-check recheck"
    " read retrieve review see study test trace track validate verify view watch collect describe show count"
    " correlate capture dump fetch extract sample scan search grep"
)
ACT = words(
    "add adjust allow annotate apply attach block bounce bump cancel change clean cleanup clear configure cordon"
    " create cut"
    " decommission decrease defrag defragment delete deploy detach disable drain drop edit empty enable evict"
    " expand extend fail failover fall flush force format free grow halt increase install invalidate kill label"
    " lower mark migrate modify mount move patch pause power promote prune pull purge push raise re-enable re-run"
    " rebalance reboot rebuild recover recreate recycle redeploy reduce refresh reimage reinstall "
    "reload remove rename renew limit"
    " repair replace reset resize restart restore resume revert revoke rerun roll rollback rotate run scale set"
    " shrink shut start stop suspend swap switch sync tag taint terminate throttle toggle truncate trigger tune"
    " uncordon undo uninstall unmount unplug update upgrade vacuum wipe write"
)
PEOPLE = words(
    "ask call contact coordinate email engage escalate file hand inform involve message notify open page ping post"
    " raise report request send talk tell announce agree decide choose pick wait record note write save acknowledge"
    " document schedule log login ssh sign connect copy paste navigate select click enter execute follow provide expand"
    " download launch press type fill adapt perform use keep let hold give treat consider expect "
    "avoid leave prepare plan go proceed continue skip return stop end close repeat"
)
SEQUENCE = re.compile(
    r"^(?:(?:first(?:ly)?|next|then|now|finally|lastly|second(?:ly)?|third(?:ly)?|also|afterwards?|after that|again|"
    r"manually|immediately|quickly|carefully|please|simply|just|optionally|once more|alternatively|in addition|"
    r"additionally|to begin(?: with)?|to start(?: with)?|safely|gracefully|forcibly|briefly|"
    r"you (?:should|must|can|could|may|might|"
    r"need to|have to|will need to|will have to|want to)|we (?:should|must|can|could|need to|have to)|"
    r"the on-call (?:should|must)|the operator (?:should|must)|it is best to|be sure to|make sure to|"
    r"remember to|try to|"
    r"try and|go ahead and|proceed to|attempt to|start by|begin by)[, :]*)+\s*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_TWO = re.compile(
    r"^(?:have a (?:look|quick look)|take a look|make sure|find out|figure out|look (?:at|for|into|"
    r"up)|roll back|dig into|go through)\b",
    re.IGNORECASE,
)
_STEP_LABEL = re.compile(r"^\W*(?:(?:step\s*)?\d{1,3}(?:[a-z]\b)?\s*[.):–—-]*)?\s*", re.IGNORECASE)
_GERUNDS = {"checking": "check", "verifying": "verify", "looking": "look", "restarting": "restart"}

CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|once|in case|in the case|provided|assuming|as long as|only (?:do|"
    r"run|use|after|on|for|with)|until|where|"
    r"should (?:the|this|it|that))\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"(?:^|[\s(*_>-])(?P<word>if|when|whenever|unless|once|until|in case(?: of)?|as soon as|as long as|while|should)\s+"
    r"(?P<body>[^,;:.?\n]{2,240}(?:(?<=\d)\.(?=\d)[^,;:.?\n]{0,200})?)(?P<end>[,;:.?]|$|\n)",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"(?<![\w.])[<>≥≤~]?\s*\d[\d,.]*\s*(?:%|[A-Za-z°]+\b)?|\b(?:zero|one|two|three|four|five|ten|"
    r"twice|half|empty|none|no|any|all)\b|\bnot\b",
    re.IGNORECASE,
)
DIGITS = re.compile(r"(?<![A-Za-z_-])\d")
VAGUE = re.compile(
    r"\b(?:(?:very |quite |too |rather |really |fairly |unusually |abnormally |suspiciously |"
    r"relatively |pretty |so |still |extremely )*"
    r"(?:high(?:er)?|low(?:er)?|large(?:r)?|big(?:ger)?|small(?:er)?|slow(?:er|ly)?|fast(?:er)?|"
    r"long(?:er)?|short(?:er)?|heavy|heavily|busy|many|much|few|little|hot|old|frequent(?:ly)?|often|"
    r"elevated|"
    r"unusual(?:ly)?|abnormal(?:ly)?|odd|strange|weird|suspicious|excessive(?:ly)?|significant(?:ly)?|"
    r"considerabl[ey]|substantial(?:ly)?|noticeabl[ey]|"
    r"bad(?:ly)?|poor(?:ly)?|wrong|unstable|unreasonabl[ey]|unacceptabl[ey]|overloaded|saturated|"
    r"sluggish|laggy|struggling|misbehaving|spik(?:e|es|ing|y)|growing|climbing)|"
    r"too (?:many|much|high|low|long|slow|large|big|small|few|often|frequent|old|full)|a lot(?: of)?|lots of|plenty of|"
    r"(?:for )?(?:a|some|quite a) (?:while|bit|long time|moment|few (?:moments|times))|some time|several times|"
    r"getting (?:worse|close|full)|close to (?:the |its )?(?:limit|capacity|full|max\w*)|"
    r"near(?:ly)? (?:the |its )?(?:limit|capacity|full)|nearly full|almost full|"
    r"looks? (?:bad|wrong|off|odd|strange|weird|suspicious|high|low|unusual|worrying)|seems? (?:bad|"
    r"wrong|off|odd|strange|weird|high|low|slow|stuck|unusual)|"
    r"more than (?:usual|normal|expected)|(?:higher|lower|slower|worse|larger|longer) than (?:usual|"
    r"normal|expected|before|it should be)|worse)\b",
    re.IGNORECASE,
)
STATE = re.compile(
    r"\b(?:healthy|unhealthy|normal|ok|okay|fine|good|stable|steady|well|acceptable|reasonable|satisfactory|adequate|"
    r"calm(?:ed)?(?: down)?|recovered|settled|back to normal|as expected|looks? (?:good|fine|ok|okay|"
    r"healthy|normal|right|sane|clean)|"
    r"seems? (?:fine|ok|okay|good|healthy|normal|stable)|degraded|sufficient|enough|behaving)\b",
    re.IGNORECASE,
)
WASTE = words(
    "unused unneeded unnecessary stale old orphaned orphan suspicious unhealthy problematic faulty bad broken large big"
    " slow idle excess excessive noisy heavy stuck misbehaving offending useless outdated redundant"
)
TOOL_NAMES = re.compile(
    r"\b(?:dashboards?|grafana|kibana|prometheus|alertmanager|thanos|datadog|splunk|jaeger|tempo|loki|"
    r"pagerduty|opsgenie|"
    r"jira|servicenow|slack|teams channel|console|portal|web ?ui|\bui\b|gui|panel|click|tab|menu|browser|bmc|idrac|ilo|"
    r"ticket|spreadsheet|wiki|calendar|status page|terraform|ansible|helm|argo ?cd|jenkins|runbook|playbook|"
    r"event viewer|task manager|admin center|cloudwatch|stackdriver|azure monitor|log analytics|"
    r"explorer|sentry|new relic|"
    r"phone|bridge|on-call|oncall|operator team|vendor|support|release notes|change ?log|audit log|graph)\b",
    re.IGNORECASE,
)
STOP_WORDS = words(
    "the a an of for to in on at by and or with from into is are be was were your you it its this "
    "that these those all any"
    " each every new if when then not no do does how what which who whose as via using use step "
    "steps per out up off over"
)


def lead_verb(text: str) -> str:
    """The verb an instruction opens with, in lower case; empty where it opens otherwise."""
    bare = _STEP_LABEL.sub("", text.strip().lstrip("*_>-•[] "), count=1)
    if bare.lower().startswith(("to ", "in order to ")):
        cut = re.search(r"[,:]\s+", bare)
        if cut is None:
            return ""
        bare = bare[cut.end() :]
    bare = SEQUENCE.sub("", bare.lstrip("*_ "), count=1)
    if _TWO.match(bare):
        return "look" if not bare.lower().startswith("roll") else "roll"
    found = _WORD.match(bare)
    if found is None:
        return ""
    word = found[0].lower()
    word = _GERUNDS.get(word, word)
    return word if word in LOOK or word in ACT or word in PEOPLE else ""


def instructions_in(text: str) -> str:
    """The lead verb of a sentence, or that of its main clause after a condition."""
    verb = lead_verb(text)
    if verb:
        return verb
    bare = text.strip().lstrip("*_>-• ")
    if re.match(
        r"(?:if|when|once|unless|after|before|in case|for|on|as soon as|while|otherwise)\b", bare, re.IGNORECASE
    ):
        for found in re.finditer(r"[,:]\s+(?:then\s+)?", bare[:400]):
            if verb := lead_verb(bare[found.end() :]):
                return verb
    return ""


def content_words(text: str) -> set[str]:
    """Words that carry meaning, cut to a stem of five letters."""
    return {w.lower()[:5] for w in re.findall(r"[A-Za-z][A-Za-z0-9]{2,}", text) if w.lower() not in STOP_WORDS}


def shortened(text: str, limit: int = 60) -> str:
    """One line of a text, for a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 3].rstrip() + "..."
