"""A step's title that is generic, or names what its body does not do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View
from tsg.mentor.wording import LOOK, SEQUENCE, STOP_WORDS, lead_verb, shortened
from tsg.words import words

_GENERIC = words(
    "analysis analyse analyze misc miscellaneous other others details detail investigation investigate checks"
    " check general todo stuff things more further information info action actions work process procedure notes"
    " note extra various etc final next continue troubleshooting troubleshoot debugging diagnostics verification"
    " handling miscellany follow-up overview cleanup validation observation examine look examination second first"
    " last step task tasks activity activities operations maintenance additional next-steps steps measures"
    " evaluation assessment observations execution diagnosis diagnose tests"
)
_CONCEPTS = {
    "disk": "disk df du filesystem volume pvc pv storage lsblk mount inode",
    "memory": "memory mem free oom rss heap swap vmstat ram top",
    "cpu": "cpu load top mpstat processor core throttl",
    "network": "network ping curl dns ip route port connect tcp socket packet nic link mtu traceroute ethtool "
    "interface http nc ss netstat",
    "dns": "dns nslookup dig resolv coredns host",
    "certificate": "certificate cert tls ssl openssl x509 expir",
    "gpu": "gpu nvidia dcgm xid cuda mig nvlink",
    "queue": "queue backlog consumer lag broker topic rabbit kafka pending message",
    "database": "database db sql psql mysql postgres query table replica select connection mongo redis",
    "logs": "log logs journalctl dmesg tail events",
    "cache": "cache redis memcached evict flush",
    "backup": "backup snapshot dump restore archive velero",
    "latency": "latency p95 p99 slow duration response histogram quantile time",
    "quota": "quota limit resourcequota",
    "token": "token credential secret password key auth login",
    "etcd": "etcd etcdctl member",
    "ingress": "ingress gateway loadbalancer nginx traffic route",
}
_CONCEPT_WORDS = {
    name: re.compile(r"(?<![a-z])(?:" + "|".join(text.split()) + r")", re.IGNORECASE)
    for name, text in _CONCEPTS.items()
}
_IN_TITLE = {
    "disk": "disk|filesystem|volume|storage|space",
    "memory": "memory|oom|swap",
    "cpu": "cpu",
    "network": "network|connectivity",
    "dns": "dns",
    "certificate": "certificates?|certs?|tls",
    "gpu": "gpus?",
    "queue": "queues?|backlog|consumers?",
    "database": "database|db|replication",
    "logs": "logs?",
    "cache": "cache",
    "backup": "backups?|snapshots?",
    "latency": "latency",
    "quota": "quotas?",
    "token": "tokens?|credentials?|passwords?",
    "etcd": "etcd",
    "ingress": "ingress",
}
_TITLE_WORDS = {name: re.compile(rf"\b(?:{text})\b", re.IGNORECASE) for name, text in _IN_TITLE.items()}
_LABEL = re.compile(r"\W*(?:step\s*)?#?\d{1,3}[a-z]?\s*[.):–—-]*\s*", re.IGNORECASE)
_VERBS = words(
    "enlarge shrink switch turn compare notify rotate renew reissue swap enrol enroll register unregister import export"
    " convert compress archive encrypt decrypt sign revoke grant widen narrow tighten loosen split merge join leave"
    " promote demote warm cool repair reseed reindex reload refill fence isolate quarantine unlock shift divert reroute"
    " block unblock throttle cap purge top tidy clean take bring put make give"
)
_SETTINGS = words(
    "cluster clusters system systems service services server servers application way back again first second last"
    " new old current number time times one two three anything begin command commands data everything fix fixing"
    " go issue measure mitigation monitor monitoring problem proceed queries query remediation resolution resolve"
    " result results review run running situation start state test testing verify progress pattern patterns"
    " recovery trend trends health status behaviour behavior impact scope root cause causes details success"
    " failure failures error errors effect effects change changes outcome normal order place hand alert alerts"
    " incident range window usage load requests request traffic operation operations readiness availability"
    " connectivity access basics fault faults side end room thing things"
    " elsewhere here there everywhere anywhere somewhere nearby around outside inside"
)
_VERB_SIGNS = {
    "enlarge": "enlarg|resiz|expand|extend|grow|size|increase|storage|lvextend|growfs",
    "notify": "notif|mail|page|call|tell|inform|ask|ticket|channel|slack|post|message|announce",
    "restart": "restart|reboot|bounce|delete pod|recycle|roll",
    "reboot": "reboot|restart|power|shutdown",
    "drain": "drain|evict|cordon",
    "cordon": "cordon|unschedul|drain",
    "uncordon": "uncordon|schedulable",
    "scale": "scale|replica|autoscal|hpa|size|capacity|grow|increase",
    "delete": "delete|remove|rm|purge|drop|prune|clean",
    "remove": "remove|delete|rm|purge|drop|prune|clean|evict",
    "rollback": "roll|undo|revert|previous",
    "roll": "roll|undo|revert|previous|restart",
    "revert": "revert|undo|roll|previous|restore|reset",
    "backup": "back|dump|snapshot|save|copy|tar|export",
    "restore": "restore|recover|import|backup|snapshot|revert|uncordon|scale",
    "upgrade": "upgrad|update|install|version",
    "rotate": "rotat|renew|new|replace|recreat",
    "renew": "renew|rotat|issue|certbot|recreat|new",
}
_VERB_RES = {name: re.compile(text, re.IGNORECASE) for name, text in _VERB_SIGNS.items()}
_ANY_ACTION = re.compile(
    r"\b(?:restart|reboot|drain|cordon|uncordon|scale|delete|undo|apply|patch|rm|drop|kill|dump|"
    r"restore|upgrade|get|describe|logs?|select|df|free|top|curl|ping)\b",
    re.IGNORECASE,
)


@check(
    "title-mismatch",
    Category.CLARITY,
    Severity.INFO,
    "a step's title that is generic, or names what its body does not do",
    "Titles are what people jump to and what alerts, plans and reports show.",
)
def title_mismatch(view: View) -> Iterator[Issue]:
    said = Counter(_stems(view.prose_text + "\n" + view.code_text))
    for part in view.parts:
        if not part.title or part.section.level <= 1 or not part.flow:
            continue
        if _is_generic(part):
            yield Issue(
                part.section.lines.first,
                f"the title '{shortened(part.title)}' does not say what is done",
                "name the action and its object: 'Measure the replication lag'",
            )
        elif not part.is_background and (wrong := _contradicted(view, part) or _foreign(said, part)):
            yield Issue(
                part.section.lines.first,
                f"the title speaks of '{wrong}', and nothing below it does",
                "make the title say what the step does, or move the step's text where it belongs",
            )


def _is_generic(part: Part) -> bool:
    label = _LABEL.match(part.title)
    bare = part.title[label.end() :] if label else part.title
    found = [
        w
        for w in re.findall(r"[A-Za-z][A-Za-z-]*", bare.lower())
        if w not in {"the", "a", "and", "of", "some", "for", "step", "steps"}
    ]
    is_step = bool(part.number) or bool(re.match(r"\W*step\b", part.title, re.IGNORECASE))
    if not found:
        return is_step
    if is_step:
        return all(w in _GENERIC for w in found)
    return all(
        w in {"misc", "miscellaneous", "other", "others", "stuff", "things", "todo", "various", "etc"} for w in found
    )


def _foreign(said: Counter[str], part: Part) -> str:
    """The object of a title that neither its section nor any other line of the guide mentions."""
    if part.end > part.index + 1 or part.title.rstrip().endswith("?") or ending_of(part.section) is not None:
        return ""
    if len((part.text + " ".join(c.body for c in part.codes)).split()) < 4:
        return ""
    label = _LABEL.match(part.title)
    bare = re.sub(
        r"\(.*|,.*|\b(?:if|when|that|which|who|until|unless|before|after)\b.*",
        "",
        part.title[label.end() :] if label else part.title,
    )
    verb = re.match(r"[A-Za-z-]+", SEQUENCE.sub("", bare, count=1))
    if verb is None or not (lead_verb(bare) or verb[0].lower() in _VERBS):
        return ""
    nouns = [
        w
        for w in re.findall(r"[A-Za-z][A-Za-z0-9]{2,}", bare[verb.end() :].lower())
        if w not in STOP_WORDS and w not in _GENERIC and w not in _SETTINGS and w not in LOOK and not w.endswith("est")
    ]
    body = part.text + "\n" + "\n".join(c.body for c in part.codes)
    own = Counter(_stems(part.title))
    if not nouns or any(_stem(w) in body.lower() or said[_stem(w)] > own[_stem(w)] for w in nouns):
        return ""
    signs = _VERB_RES.get(verb[0].lower())
    if _stem(verb[0].lower()) in body.lower() or (signs is not None and signs.search(body)):
        return ""
    named = [name for name, pattern in _TITLE_WORDS.items() if pattern.search(bare)]
    return "" if any(_CONCEPT_WORDS[name].search(body) for name in named) else nouns[0]


def _stems(text: str) -> Iterator[str]:
    for word in re.findall(r"[A-Z]?[a-z0-9]{2,}|[A-Z]{3,}", text):
        yield _stem(word.lower())


def _stem(word: str) -> str:
    """Long enough to tell words apart, short enough for plurals and other forms."""
    return re.sub(r"(?:ies|es|s|e|y)$", "", word)[:5]


def _contradicted(view: View, part: Part) -> str:
    """What the title promises and the body never mentions, while it does something else."""
    if not (part.number or part.codes) or part.end > part.index + 1:
        return ""
    body = part.text + "\n" + "\n".join(c.body for c in part.codes)
    if len(body.split()) < 4:
        return ""
    verb = lead_verb(part.title)
    first = re.search(
        r"[A-Za-z]+", re.sub(r"^\W*(?:step\s*)?#?\d+[a-z]?\s*[.):–—-]*\s*", "", part.title, flags=re.IGNORECASE)
    )
    word = first[0].lower() if first else verb
    signs = _VERB_RES.get(word)
    if signs is not None and part.codes and not signs.search(body) and _ANY_ACTION.search(body):
        return word
    named = [name for name, pattern in _TITLE_WORDS.items() if pattern.search(part.title)]
    if not named or any(_CONCEPT_WORDS[name].search(body) for name in named):
        return ""
    if any(
        w in body.lower()
        for w in (
            w[:5]
            for w in re.findall(r"[a-z]{5,}", part.title.lower())
            if not any(_TITLE_WORDS[n].search(w) for n in named) and w[:5] not in {"check", "verif", "inspe", "confi"}
        )
    ):
        return ""
    others = [name for name, pattern in _CONCEPT_WORDS.items() if name not in named and pattern.search(body)]
    return named[0] if others and part.codes else ""
