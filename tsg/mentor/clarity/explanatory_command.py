"""A command in a shell block that is shown as an explanation or a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Language
from tsg.findings import Severity
from tsg.mentor.code import PLAIN, Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, View
from tsg.mentor.wording import instructions_in

_RUNNING = (
    r"(?:run(?:ning)?|execut(?:e|ing)|us(?:e|ing)|do(?:ing)?|try(?:ing)?|typ(?:e|ing)|copy(?:ing)?|past(?:e|ing)|"
    r"apply(?:ing)?|issu(?:e|ing)|call(?:ing)?|enter(?:ing)?|invok(?:e|ing)|writ(?:e|ing)|attempt(?:ing)?|"
    r"forc(?:e|ing)|follow(?:ing)?|start(?:ing)?|repeat(?:ing)?)"
)
_FORBIDDEN = re.compile(
    rf"\b(?:do not|don't|never|must not|mustn't|should not|shouldn't|cannot|can't|may not|not to|no one should|"
    rf"nobody "
    rf"should)\s+(?:\w+\s+){{0,3}}?{_RUNNING}\b"
    rf"|\b(?:avoid|refrain from|abstain from|beware of|keep (?:away|off|clear)(?: of| from)?|steer clear|"
    rf"leave (?:\w+ ){{0,3}}(?:alone|untouched|be)\b|stay away from|leave out|resist)\b"
    rf"|\b(?:under|in) no (?:circumstances?|case|event)\b|\bon no account\b|\bby no means\b"
    r"|\b(?:is|are) (?:strictly )?(?:forbidden|prohibited|not allowed|not permitted|banned|off limits)\b"
    r"|\bwhat not to\b|\bhands off\b|\b(?:do not|don't) be tempted\b",
    re.IGNORECASE,
)
_GOES_WRONG = re.compile(
    r"(?P<held>\b(?:that|which|who|why|whether|if|how|where|until|see|pods?|jobs?|nodes?)\s+(?:\w+\s+){0,3}?)?"
    r"\b(?P<it>(?:(?:would|will|may|might|can|could)\s+(?:\w+\s+){0,2}?(?:hang|block|fail|crash|break|destroy|wipe|"
    r"loop|lock up|freeze|corrupt|delete|lose|kill|overwrite|erase|remove|time out|take down|restart|stop|end|"
    r"wait|drop|bring down|terminate|disconnect)\b)"
    r"|hangs|fails|blocks (?:for ?ever|until|the)|stalls|freezes|crashes|never (?:returns|ends|finishes|comes back|"
    r"terminates|stops|answers|completes)|(?:waits|runs|loops|sits|blocks|hangs)(?: [\w-]+){0,6}? (?:for ?ever|"
    r"endlessly|indefinitely)"
    r"|(?:does not|doesn't|do not|don't|no longer|won't|will not|cannot|never) (?:work|works|exist|help|"
    r"terminate|end|"
    r"return|come back|finish)s?"
    r"|(?:is|are|was) (?:wrong|incorrect|dangerous|harmful|fatal|useless|rejected|refused|deprecated|obsolete|"
    r"not (?:supported|allowed|safe|enough|what (?:you|we) want)|a mistake|no good|too (?:late|much|coarse|broad))"
    r"|breaks|destroys|corrupts|wipes|rejects|(?:loses|ends|kills|deletes|overwrites|drops) (?:the|all|its|every|"
    r"your|whole|more|everything|in|with)|(?:ends|ended) in an?|times out|goes wrong|backfires|does (?:more )?harm|"
    r"costs? (?:a|an|us|you)|(?:makes?|made) (?:\w+ ){0,3}worse|cost (?:a|an|us|you)|takes down|brings down)",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:some(?:body|one)|people|they|a colleague|an? (?:operator|engineer|admin\w*|user|intern|contractor)|we|one|"
    r"the (?:on-call|operator|engineer|team|culprit|author))\s+(?:(?:once|then|had|has|have|accidentally|wrongly|"
    r"mistakenly|always|simply|just|would|first)\s+){0,3}(?:typed|ran|run|did|done|executed|used|wrote|written|tried|"
    r"entered|issued|called|pasted|started|invoked|applied|sent)\b"
    r"|\b(?:would|could|might) have (?:been )?(?:written|run|typed|used|done|entered|called|tried|executed|issued)\b"
    r"|\b(?:used to|formerly|historically|in the past|once upon|in (?:earlier|older|former|previous|"
    r"old) (?:versions?|"
    r"releases?|days|times|clusters?)|(?:earlier|older|former|previous|old) (?:versions?|releases?|clusters?|"
    r"editions?|"
    r"revisions?) of|on (?:older|old|earlier|former)|(?:before|until|up to|prior to) (?:release|version|v)\s*\d|"
    r"told (?:you|us|people) to|the (?:old|former|previous|classic|legacy) (?:way|form|command|call|syntax|procedure|"
    r"recipe|guide))\b"
    r"|\b(?:outage|incident|fault|problem|trouble|disaster|damage|failure)\b[^.:;]{0,50}\b(?:began|started|"
    r"was caused|"
    r"came|happened|arose|went back to|goes back to|triggered)\b"
    r"|\b(?:caused|triggered|led to|broke|provoked|brought about|what (?:happened|went wrong))\b[^.;]{0,60}:?$"
    r"|\bwas (?:run|typed|executed|entered|done|issued|called) (?:by (?:mistake|accident|hand)|wrongly|instead)\b",
    re.IGNORECASE,
)
_INNER = re.compile(
    r"\b(?:internally|under the hood|behind the scenes|in the background|what (?:it|this|that|the \w+(?: \w+)?) "
    r"(?:does|runs|executes|calls)|boils down to|(?:is|are) (?:equivalent|tantamount|comparable) to|amounts to|"
    r"corresponds? to|(?:this|that|here|it|following|below) is (?:how|what|why) (?!(?:you|to|we|"
    r"one)\b)(?:[\w']+ ){0,3}\w+s)\b"
    r"|\b(?:jobs?|operator|controller|script|cron(?:job)?|pipeline|health ?check|daemon|agent|hook|timer|playbook|"
    r"chart|scheduler|wrapper|automation|bot|task|unit|deployment|installer|watchdog|probe)\b(?: \w+){0,4}? "
    r"(?:runs|does|executes|calls|issues|performs|invokes|uses|sends|starts)\b(?: (?:roughly|about|essentially|only|"
    r"just|basically|more or less|merely))*(?: (?:this|the following|something like(?: this)?|the same|"
    r"every \w+|each \w+|nightly|daily|hourly))*\s*:?$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(?:not|never) to be (?:confused|mistaken)\b|\bwould (?:not |never )?have (?:happened|been)\b|"
    r"^\W*(?:(?:an?|the|some|one)\s+)?(?:more\s+)?(?:wrong|bad|incorrect|dangerous|broken|harmful|naive|"
    r"na[iï]ve|tempting|negative|"
    r"anti-?pattern|anti-?example|counter-?examples?|hypothetical|fictitious|historical)\b"
    r"|\b(?:counter-?example|anti-?pattern|negative example|bad example|deterrent|cautionary|illustrations?|"
    r"(?:for|as|by way of) (?:an? )?(?:illustration|comparison|reference only|information only|contrast|curiosity)|"
    r"illustrates|(?:only|just|merely|purely) (?:to (?:show|illustrate|explain|demonstrate)|an example|as an example|"
    r"for (?:show|reference|completeness|the record|information))|not part of (?:this|the) (?:procedure|guide|"
    r"runbook)|"
    r"background only|not to be (?:run|executed|used|copied|repeated|typed)|for the record|"
    r"examples? of (?:an? |the |what )?(?:call|command|query|script|how not|wrong|bad|failing|failed|broken))\b"
    r"|\bfor example,? (?:this|the following)\b|\bnot like this\b",
    re.IGNORECASE,
)
_TEMPTS = re.compile(
    r"\b(?:tempting|tempted|temptation|the urge to|inclined to|would be a mistake|(?:one|you) (?:might|may|could) "
    r"(?:think|believe|expect|feel)|looks (?:harmless|innocent|right|tempting|similar|alike|the same|"
    r"like the (?:remedy|cure|answer|solution))|seems (?:harmless|obvious))\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:this|these|the following|following|below|command|commands|like|such as|example|it|one|"
    r"running|script|snippet|query|that|here|so|call|form|way)\b|:$|\w$",
    re.IGNORECASE,
)
_COMMENT = re.compile(
    rf"(?:(?:do not|don't|must not|never)\s+(?:\w+\s+)?{_RUNNING}\b|wrong\b|bad\b|danger(?:ous)?\b|not like this|"
    r"this (?:hangs|fails|breaks|never|loses|would)|avoid\b|examples? (?:of what|only)|counter-?example|"
    r"(?:for|as an) illustration|illustration|for (?:reference|comparison) only|hypothetical|anti-?pattern|"
    r"the old way|what (?:not to|happened|caused))",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"\W*(?:this|that|it|the (?:above|command|call|query|statement|line)|but (?:this|that|it))"
    r"(?: (?:command|call|one|query|line|form|above|shown above))* (?:\w+ )?(?:"
    r"hangs|will hang|would|fails\b(?! (?:if|when|with|unless|once|the first))|will fail\b(?! (?:if|when))|"
    r"never returns|does not work|loses|breaks|destroys|(?:is|was) (?:\w+ )?(?:an? )?(?:examples?|illustration|shown|"
    r"meant|given|quoted|printed)\b(?: here)? ?(?:only|for|as|of|to show|$|[.,;])|is (?:only|just|merely)|"
    r"must (?:not|never) be|should (?:not|never) be|is not to be|(?:was|has been) (?:run|typed|executed) by|caused|"
    r"is what (?:caused|broke|happened|the))"
    rf"|\W*(?:do not|don't|never) (?:{_RUNNING}) (?:this|that|it|the (?:above|command|line))\b",
    re.IGNORECASE,
)


@check(
    "explanatory-command",
    Category.CLARITY,
    Severity.INFO,
    "a command in a shell block that is shown as an explanation or a warning",
    "A block with a command reads as an instruction; sooner or later somebody, or a machine, runs it.",
)
def explanatory_command(view: View) -> Iterator[Issue]:
    for part in view.parts:
        before: Prose | Code | None = None
        for i, flow in enumerate(part.flow):
            if isinstance(flow, Prose):
                before = flow
                continue
            if flow.inline:
                continue
            after = part.flow[i + 1] if i + 1 < len(part.flow) else None
            if flow.statements and (flow.tag not in PLAIN or not flow.tag) and _warns(before, after, flow):
                yield Issue(
                    flow.lines.first,
                    "the command is shown as an explanation or a warning, in a block that reads as an instruction",
                    "say it in a sentence with the command as inline code, or tag the block `text`",
                )
            before = flow


def _warns(before: Prose | Code | None, after: Prose | Code | None, code: Code) -> bool:
    if isinstance(before, Prose) and before.sentences and _is_shown(before.sentences[-1].text, code):
        return True
    if any(_COMMENT.match(c.text) for c in code.comments):
        return True
    return isinstance(after, Prose) and bool(after.sentences) and bool(_AFTERWARDS.match(after.sentences[0].text))


def _is_shown(lead: str, code: Code) -> bool:
    """Whether the sentence that leads to a command explains it or warns of it, and does not ask to run it."""
    plain = re.sub(r"`[^`]*`", "CODE", lead).strip()
    if plain.endswith((".", "!")) and not re.search(r"\b(?:this|the following|below|so)\b", plain, re.IGNORECASE):
        return bool(_LABEL.search(plain)) and not _asks(plain)
    clauses = [c for c in re.split(r";\s+|,?\s+but\s+|\s+[–—-]+\s+", plain) if c.strip()]
    if not clauses or not _POINTS.search(plain) or _asks(clauses[-1]):
        return False
    if any(_FORBIDDEN.search(c) or _TEMPTS.search(c) for c in clauses) and not re.search(
        r"\binstead:?\s*$", clauses[-1], re.IGNORECASE
    ):
        return True
    if _LABEL.search(plain) or _TOLD.search(plain):
        return True
    if any(not found["held"] for c in clauses for found in _GOES_WRONG.finditer(c)):
        return not re.match(r"\W*(?:if|when|once|unless|until|in case|should|where)\b", plain, re.IGNORECASE)
    return code.language in {Language.SHELL, Language.POWERSHELL, Language.SQL} and bool(_INNER.search(plain))


def _asks(clause: str) -> bool:
    """Whether a clause tells to do something, rather than not to do it."""
    return bool(instructions_in(clause)) and not _FORBIDDEN.search(clause) and not _TEMPTS.search(clause)
