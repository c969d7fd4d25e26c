"""Text and code say opposite things: 'increase by 1' and a constant, 'do not use --force' and then --force."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.control_flow.amounts import NUMBERS, differ, rounds_differ, step_done, step_said
from tsg.mentor.control_flow.opposites import done_by, excluded, meant_in, said_in
from tsg.mentor.deeds import acts, is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import lead_verb, shortened

_BY_N = re.compile(
    r"\b(?:increase|raise|bump|increment|decrease|reduce|lower|decrement|grow|shrink|add|scale (?:up|"
    r"down|out|in)|extend|expand)\b[^.;\n]{0,60}?\bby\s+(?:a factor of )?(?P<n>\d+|one|two|half|"
    r"a half|a third|ten)\b|\b(?:double|halve|add (?:one|two|a|another)(?: more)? (?:replica|instance|"
    r"worker|node|server|pod)|one (?:more|less|additional|fewer) (?:replica|instance|worker|node|"
    r"server|pod))\b",
    re.IGNORECASE,
)
_MORE = re.compile(r"\b\w+ (?:more|fewer|less|additional)\b(?! than \d)", re.IGNORECASE)
_CONSTANT = re.compile(r"--replicas[= ]\d+|\"[\w.]*\"\s*:\s*\"?\d+|[\w.]+=\d+\b|\bset\s+\S+\s+\S+\s+\d+")
_COMPUTED = re.compile(r"\$\(\(|\bexpr\b|\+\s*1|\bbc\b|<[^<>]+>|\$\{?[A-Za-z_]|\{\{")
_PLACE = re.compile(r"(?:--context|--namespace|--cluster|-n|-c|-M)[= ]\S+")
_FORBIDS = re.compile(
    r"\b(?:do not|don't|never|must not|should not|without|avoid|no need to|not to|"
    r"please don't)\s+(?:ever\s+)?(?:use|using|add|adding|pass|passing|specify|run|running|apply|"
    r"applying|set|setting|do|doing|with)?\s*(?:the\s+)?(?P<what>`[^`]+`|--?[a-z][\w-]+|(?:restart|"
    r"reboot|delete|drain|scale|kill|force|cordon|evict|patch|stop|edit|remov|restarting|deleting|"
    r"draining|reset|purge|flush|drop|reload|cancel|terminate|truncate|roll back|disable|upgrade|resume)\w*)",
    re.IGNORECASE,
)
_READONLY = re.compile(
    r"\b(?:read[- ]only|does not change anything|changes nothing|without (?:changing|"
    r"modifying) anything|only reads|no changes? (?:is|are) made|non-?destructive|harmless|"
    r"safe to run)\b",
    re.IGNORECASE,
)


@check(
    "contradiction",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "text and code say opposite things: 'increase by 1' and a constant, 'do not use --force' and then --force",
    "The reader follows one of the two, and the author meant the other.",
)
def contradiction(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for at, code in enumerate(flow):
            if not isinstance(code, Code):
                continue
            if not code.is_run:
                yield from _against_keys(flow[:at], code)
                continue
            before = flow[at - 1] if at else None
            after = flow[at + 1] if at + 1 < len(flow) else None
            issue = _against_lead(before, code) if isinstance(before, Prose) else None
            issue = (
                issue
                or _against_sums(flow[:at], code)
                or _against_title(part, code)
                or _same_as_undone(flow[:at], code)
            )
            if issue is None and isinstance(after, Prose):
                issue = _against_constant(after, code)
            if issue is not None:
                yield issue
            else:
                yield from _forbidden(view, part, code, flow[:at])


def _against_constant(prose: Prose, code: Code) -> Issue | None:
    """'Increase by 1', and a command that sets a number."""
    for sentence in prose.sentences:
        found = _BY_N.search(sentence.text) or (
            _MORE.search(sentence.text) if step_said(sentence.text[:LONGEST]) else None
        )
        if found and _CONSTANT.search(code.body) and not _COMPUTED.search(_PLACE.sub("", code.body)) and _changes(code):
            return Issue(
                sentence.line,
                f"the text says '{shortened(found[0], 40)}', the command sets a constant",
                "read the value first, and set it to that value plus the step: <CURRENT + 1>",
            )
    return None


def _against_lead(prose: Prose, code: Code) -> Issue | None:
    """What the paragraph above a command says, and the command does otherwise."""
    if issue := _against_constant(prose, code):
        return issue
    for sentence in prose.sentences:
        if (
            _READONLY.search(sentence.text)
            and not re.search(r"\bnot (?:read|safe|harmless)", sentence.text, re.IGNORECASE)
            and _changes(code)
        ):
            return Issue(
                sentence.line, "the text says that nothing is changed, and the command changes something", _HINT
            )
    if not prose.sentences:
        return None
    last = prose.sentences[-1]
    told = [(sentence, clause) for sentence, clause in _clauses(prose) if _other_number(clause, code)]
    if told and told[-1][0] is last:
        return Issue(code.body_line, _other_number(told[-1][1], code), _HINT)
    for message in (_many_at_once(prose, code), *rounds_differ(last.text[:LONGEST], code.body)):
        if message:
            return Issue(last.line, message, _HINT)
    changes = [s.text for s in code.statements if acts(s)]
    if not changes:
        return None
    done = done_by(changes)
    clauses = list(_clauses(prose))
    forgiven = frozenset(kind for _, clause in clauses for kind in said_in(clause))
    for sentence, clause in clauses:
        if excluded(meant_in(clause), done, forgiven):
            return Issue(
                sentence.line, f"the text says '{shortened(clause, 50)}', the command does something else", _HINT
            )
    if (
        last.text.rstrip().endswith(":")
        and lead_verb(last.text) in _READS
        and all(_is_plain_change(s) for s in code.statements)
    ):
        return Issue(last.line, f"the text says '{shortened(last.text, 50)}', the command changes something", _HINT)
    return None


# Verbs of sentences that announce a look, where a command that changes something is another one than meant.
_READS = frozenset({"read", "list", "show", "count", "look", "see", "print", "query", "describe", "inspect"})


def _is_plain_change(statement: Statement) -> bool:
    return is_change(statement) and not re.search(r">|\b(?:run|debug|exec|create|apply)\b", statement.text)


def _against_sums(before: list[Prose | Code], code: Code) -> Issue | None:
    """'By a tenth', and a command that takes off more; the words may stand above a look at the number."""
    done = step_done(code.body) if _changes(code) else None
    if done is None:
        return None
    cut = next((i + 1 for i in range(len(before) - 1, -1, -1) if isinstance(f := before[i], Code) and _changes(f)), 0)
    said = [
        (s, step)
        for f in before[cut:]
        if isinstance(f, Prose)
        for s in f.sentences
        if (step := step_said(s.text[:LONGEST])) is not None
    ]
    if not said or not differ(said[-1][1], done):
        return None
    (op, n), (does, m) = said[-1][1], done
    return Issue(code.body_line, f"the text says {op} {n:g}, the command {does} {m:g}", _HINT)


def _against_title(part: Part, code: Code) -> Issue | None:
    """A section that is called 'Cancel the statement', and whose one change ends the session."""
    changing = [c for c in part.codes if c.is_run and any(acts(s) for s in c.statements)]
    if changing[:1] != [code] or not (title := meant_in(part.title)):
        return None
    told = " ".join(p.text for p in part.proses if p.lines.last < code.lines.first)
    done = done_by(s.text for c in changing for s in c.statements if acts(s))
    if not excluded(title, done, said_in(told)):
        return None
    line = next(s.lines.first for s in code.statements if acts(s))
    return Issue(line, f"the title says '{shortened(part.title, 40)}', the command does something else", _HINT)


def _same_as_undone(before: list[Prose | Code], code: Code) -> Issue | None:
    """A way back that does once more what it should take back."""
    lead = before[-1] if before else None
    if not isinstance(lead, Prose) or not lead.sentences or not _UNDO.search(lead.sentences[-1].text):
        return None
    if re.search(r"\b(?:again|same|second)\b", lead.sentences[-1].text, re.IGNORECASE):
        return None
    earlier = {s.text for f in before if isinstance(f, Code) and f.is_run for s in f.statements if acts(s)}
    found = next((s for s in code.statements if s.text in earlier), None)
    if found is None:
        return None
    return Issue(found.lines.first, "the text takes a change back, the command makes it once more", _HINT)


def _against_keys(before: list[Prose | Code], code: Code) -> Iterator[Issue]:
    """'Lower `x` to 4', and a file that sets it to 8."""
    prose = before[-1] if before else None
    for sentence in prose.sentences if isinstance(prose, Prose) else ():
        wanted = re.findall(
            r"\b(?:to|at) (\d+(?:\.\d+)?)\b(?!\s*(?:or|to)\b)", re.sub(r"^\W*(?:if|when)\b[^,]*,", "", sentence.text)
        )
        if len(wanted) != 1 or not _SETS.search(sentence.text):
            continue
        for key in re.findall(r"`([A-Za-z_][\w.-]*)`", sentence.text):
            found = re.search(rf"(?<![\w.-]){re.escape(key)}[\"']?\s*[:=]\s*[\"']?(\d+(?:\.\d+)?)\b", code.body)
            if found and float(found[1]) != float(wanted[0]):
                line = code.body_line + code.body.count("\n", 0, found.start())
                yield Issue(line, f"the text sets {key} to {wanted[0]}, this sets it to {found[1]}", _HINT)


_UNDO = re.compile(
    r"\b(?:undo|revert|roll (?:it |this |that )?back|take (?:this|it|that) back|back out)\b", re.IGNORECASE
)


def _changes(code: Code) -> bool:
    return any(is_change(s) for s in code.statements)


_HINT = "make the sentence and the command say the same"
LONGEST = 400  # characters of a sentence that are read


def _clauses(prose: Prose) -> Iterator[tuple[Sentence, str]]:
    """What the sentences of a paragraph order, the conditions before them taken off."""
    for sentence in prose.sentences[-3:]:
        for part in re.split(r";\s+", sentence.text[:LONGEST]):
            yield sentence, re.sub(r"^\W*(?:(?:if|when|unless)\b[^,]*|otherwise),?\s+", "", part, flags=re.IGNORECASE)


_NUMBER_WORDS = {word: n for word, n in NUMBERS.items() if word not in {"a", "an", "another", "one", "once", "twice"}}
_SETS = re.compile(
    r"\b(?:limit|lower|raise|set|scale|increase|decrease|reduce|add|allow|throttle|cap|grow|shrink|extend|let"
    r"|bring|give|keep)\b",
    re.IGNORECASE,
)
_SAID = re.compile(
    rf"(?<![\w.`<-])(?P<digits>\d+(?:\.\d+)?)(?![\w.`>-]|\s*(?:%|(?:s|min|h|hours?|minutes?|seconds?|days?)\b))"
    rf"|\b(?P<word>{'|'.join(_NUMBER_WORDS)})\b(?!\s*(?:%|(?:hours?|minutes?|seconds?|days?|of|steps?|commands?)\b))",
    re.IGNORECASE,
)
# Numbers that set nothing: waits, tails, ports, versions.
_UNSET = re.compile(
    r"(?:--?[\w-]*(?:timeout|tail|since|grace-period|interval|port|wait|retries|verbosity|version)[\w-]*[= ]\S+"
    r"|-[a-z] \d+\b|\bsleep \S+|:\d{2,5}\b|\bv\d\S*|/\d+\b|\d{5,}|https?://\S+|[A-Za-z_<>$-]+\d[\w.-]*|<[^>]*>"
    r"|\{\{[^}]*\}\}|\$\{?\w+\}?|\d[\w.]*[A-Za-z_-][\w.]*)"
)


def _other_number(text: str, code: Code) -> str:
    """The one number of a sentence that sets something, where the one number of its command is another."""
    if not _SETS.search(text) or re.search(r"\b(?:if|when|unless|from|below|above|between)\b", text, re.IGNORECASE):
        return ""
    said = {float(m["digits"]) if m["digits"] else _NUMBER_WORDS[m["word"].lower()] for m in _SAID.finditer(text)}
    body = _UNSET.sub(" ", re.sub(r"(\d+)/(?:s|m|min|h)\b", r"\1 ", code.body))
    does = {float(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", body)}
    if len(said) != 1 or len(does) != 1 or said == does:
        return ""
    one, other = next(iter(said)), next(iter(does))
    if (
        other in {one * 60, one / 60, one / 100, one * 100, one * 1000, one * 1024, 1 - one}
        or other == 0
        or step_said(text)
    ):
        return ""
    return f"the text says {one:g}, the command {other:g}"


_SINGLY = re.compile(
    r"\bone (?:\w+ )?(?:after (?:another|the other)|at a time|by one)\b|\bsequential(?:ly)?\b|\bone by one\b",
    re.IGNORECASE,
)
_TOGETHER = re.compile(
    r"\ball (?:\w+ ){0,3}(?:at once|together|at the same time)\b|\bin parallel\b|\bsimultaneously\b", re.IGNORECASE
)
_WIDTH = re.compile(
    r"(?:--forks|--max-procs|--parallel(?:ism)?|--concurrency|--max-parallel|--batch-size|-P|--workers)[= ](?P<n>\d+)"
)


_ALL = re.compile(
    r"\bdelete\s+(?:pods?|po)\b[^|;]{0,200}\s(?:-l|--selector|--all)\b|^\s*(?:pkill|killall)\b", re.MULTILINE
)


def _many_at_once(prose: Prose, code: Code) -> str:
    """ "One after another", and a command that does several at once."""
    wide = _WIDTH.search(code.body)
    if wide is not None and int(wide["n"]) == 1 and any(_TOGETHER.search(s.text) for s in prose.sentences):
        return "the text says all at once, the command does one after another"
    if not any(_SINGLY.search(s.text) for s in prose.sentences):
        return ""
    if wide is not None and int(wide["n"]) > 1:
        return f"the text says one after another, the command does {wide['n']} at once"
    if any(_ALL.search(s.text) for s in code.statements):
        return "the text says one after another, the command does all at once"
    return ""


def _forbidden(view: View, part: Part, code: Code, before: list[Prose | Code]) -> Iterator[Issue]:
    """What the section, or the guide's introduction, forbids and the command does."""
    own = [f for f in before if isinstance(f, Prose)]
    told = [(p, False) for p in own[-NEAR:]] + [(p, True) for p in own[:-NEAR]]
    told += [(p, True) for i in part.above for p in view.parts[i].proses]
    for prose, is_far in told:
        for sentence in prose.sentences:
            for found in _FORBIDS.finditer(sentence.text[:LONGEST]):
                rest = sentence.text[found.end() : LONGEST]
                if _BUT.search(rest) or (statement := _breaks(found, rest, code, is_far=is_far)) is None:
                    continue
                yield Issue(
                    statement.lines.first,
                    f"line {sentence.line} says '{shortened(found[0], 40)}', and this command does it",
                    "remove one of the two",
                )
                return


NEAR = 6  # paragraphs above a command whose prohibitions need not name what it works on
_BUT = re.compile(
    r"\b(?:if|unless|when|until|before|while|yet|more than|on (?:the|a)|in (?:the|a)|other|another|"
    r"all|both|any other|during|manually)\b",
    re.IGNORECASE,
)


def _breaks(found: re.Match[str], rest: str, code: Code, *, is_far: bool) -> Statement | None:
    """The command that does what is forbidden. One far below has to work on what the sentence names."""
    what = found["what"].strip("`")
    is_quoted = found["what"][0] in "-`"
    if len(what) < 2 or not (is_quoted or re.search(r"\b(?:do not|don't|never|must not)\s", found[0], re.IGNORECASE)):
        return None
    is_flag = what.startswith("-")
    stem = what if is_flag else what.lower().removesuffix("ing").rstrip("e")
    opens = r"(?<![\w-])" if is_quoted else r"(?<!\w)"
    pattern = re.compile(opens + re.escape(stem), re.IGNORECASE)
    things = re.findall(r"[a-z]{4,}", rest.lower())[:3]
    for statement in code.statements:
        if not pattern.search(statement.text) or not (is_flag or is_change(statement)):
            continue
        if not is_far or is_quoted or any(t.removesuffix("s") in statement.text.lower() for t in things):
            return statement
    return None
