"""Instructions that say nothing: 'take appropriate measures', 'handle it', 'bring the matter to a good end'."""

from __future__ import annotations

import re

from tsg.mentor.wording import SEQUENCE
from tsg.words import words

_PHRASE = re.compile(
    r"\b(?:take|perform|carry out|do|apply|use|run)\s+(?:the |any |all |some |"
    r"whatever )*(?:appropriate|necessary|required|corrective|suitable|proper|usual|needed|relevant|"
    r"right|correct|further|remedial)\s+(?:\w+\s+)?(?:actions?|steps?|measures?|checks?|procedures?|"
    r"fix(?:es)?|commands?|things?)\b"
    r"|\b(?:fix|resolve|handle|address|deal with|solve|mitigate|remediate|sort out|take care of|"
    r"correct|clean up|work on|look into|investigate|troubleshoot|analy[sz]e|debug|repair|remedy|"
    r"improve|check)\s+(?:(?:the|this|that|any|all|every|such|underlying|remaining|it|other|root|"
    r"reported|observed|identified|found|detected)\s+)*(?:problems?|issues?|situations?|errors?|"
    r"faults?|things?|everything|matters?|root causes?|causes?|incidents?|accordingly|appropriately|"
    r"properly|further|it|anomal(?:y|ies)|inconsistenc(?:y|ies))(?=\s*(?:[.,;:!)]|$|\s(?:as|and|if|on|"
    r"in|accordingly|appropriately|properly|first|quickly)\b))"
    r"|\b(?:act|proceed|respond|react|adjust|continue|decide)\s+(?:accordingly|appropriately|"
    r"as (?:needed|necessary|appropriate|required|you see fit))"
    r"|\bproceed (?:based on|depending on|according to)\s+(?!the (?:table|list|"
    r"section))(?:\w+\s+){0,3}(?:conclusions?|findings?|results?|analysis|judge?ment|experience|"
    r"outcome|situation)"
    r"|\buse (?:your )?(?:best |own |good )?(?:judge?ment|common sense|experience|intuition|discretion)"
    r"|\bdo (?:what(?:ever)?(?: is| it)? (?:needed|necessary|takes|required|appropriate)|the needful|"
    r"the right thing|your best)"
    r"|\bfollow (?:the )?(?:best practices?|standard (?:procedures?|practices?)|usual (?:procedures?|"
    r"process)|common practices?|good practices?)"
    r"|\bmake (?:the )?(?:necessary|required|appropriate|needed) (?:changes?|adjustments?|corrections?|fixes)"
    r"|\b(?:be|stay) (?:careful|patient|cautious|vigilant|mindful|alert|aware)\b(?!\w)"
    r"|\b(?:think|reason) (?:about|through|carefully)|\bkeep (?:an eye on|in mind|calm|monitoring)\b(?! the)"
    r"|\btry (?:to )?(?:something else|other things|different things|things|various|a few things|"
    r"several things|anything)"
    r"|\bensure (?:that )?everything (?:is|works|looks|runs)|\bmake sure (?:that )?(?:everything|all|"
    r"things) (?:is|are|works?|looks?|runs?)\b"
    r"|\b(?:understand|consider|assess|evaluate|review) (?:the )?(?:situation|problem|issue|context|"
    r"impact|circumstances|options|overall state|state of (?:things|affairs))\b"
    r"|\bget (?:things|it|everything|the (?:system|service)) (?:back to normal|working|healthy|going|"
    r"running)(?: again)?\b"
    r"|\b(?:stabili[sz]e|normali[sz]e|optimi[sz]e|harden) (?:the )?(?:system|service|situation|"
    r"environment|platform|cluster|performance)\b",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    r"\bmake every effort\b|\bdo (?:everything|all) (?:you can|possible|in your power)\b|\bwhatever it takes\b|"
    r"\b(?:appropriate|necessary|required|corrective|suitable|proper|adequate|needed|relevant|right|further|"
    r"remedial)"
    r" (?:counter)?(?:measures?|steps?|actions?|changes?|fix(?:es)?|remed(?:y|ies)) (?:has|have|is|are|should|"
    r"must|needs?|"
    r"can|will) (?:then )?(?:to )?(?:be )?(?:taken|performed|made|done|carried out|initiated|applied|found)\b"
    r"|\b(?:issues?|problems?|it|this|that|they|situation|matter|errors?|faults?|(?:root )?causes?) (?:must|"
    r"should|ha(?:s|ve)"
    r" to|needs? to|(?:is|are) to) (?:then |now )?be (?:fixed|resolved|handled|dealt with|addressed|solved|"
    r"sorted out|"
    r"corrected|taken care of|rectified|remedied)\b(?! (?:by|with|via|through|using|in)\b)"
    r"|\b(?:somebody|someone) (?:should|must|has to|needs to|ought to)\b",
    re.IGNORECASE,
)
_ALONE = words(
    "handle deal manage solve resolve fix address tackle remedy remediate rectify mitigate sort troubleshoot"
)
_WITH_MORE = words(
    "take do act react respond ensure make keep stay work think coordinate drive bring get restore recover"
    " stabilise stabilize normalise normalize use apply follow improve correct treat pursue try be proceed"
    " continue adjust remain exercise bear push chase steer put finish complete finalise finalize plan prepare"
    " carry see move show practise practice provide hold aim strive attempt help support escalate report"
    " communicate involve inform notify discuss clear organise organize arrange oversee lead own"
)
_EMPTY = words(
    "issue issues problem problems situation situations matter matters thing things everything anything something"
    " incident incidents fault faults failure failures error errors cause causes root case cases outage trouble"
    " condition conditions state circumstances environment system systems service services platform cluster"
    " clusters node nodes server servers application component components infrastructure measure measures action"
    " actions step steps way ways means manner fashion care course solution solutions resolution fix fixes"
    " workaround conclusion closure end order operation operations shape track line control check grip top bottom"
    " hand mind eye judgement judgment sense experience intuition discretion instinct common caution patience"
    " diligence practice practices procedure process standard standards best good better great fine normal healthy"
    " stable ok okay usual usable proper properly correct correctly right rightly well appropriate appropriately"
    " necessary required needed needful suitable suitably adequate adequately sufficient possible sensible"
    " sensibly reasonable reasonably relevant accordingly further additional other else more next remaining"
    " various several different corrective remedial whatever whichever called fit fitting timely prompt promptly"
    " swift swiftly quick quickly soon immediately carefully careful thorough thoroughly smart wise wisely due"
    " time close closely open broken working works work running runs run going solved resolved fixed handled done"
    " gone over found learned learnt seen observed know known happened happening needs need require requires based"
    " depending result results finding findings outcome evidence analysis information details detail surprise"
    " surprises prepared ready alert vigilant aware mindful calm patient cautious responsible underlying general"
    " overall current actual real again back full fully complete completely final finally last still yet far long"
    " short forward ahead along together up down out off through onto try effort efforts attempt attempts business"
    " priority becomes become remain remains stay stays normality health stability follow-up follow improve"
    " improved recovery restoration seriously serious fast speed speedy speedily rapid rapidly attention"
    " availability continuity quality success successful successfully efficient efficiently effective effectively"
    " diligent diligently urgency urgent urgently importance important big picture justice rest remainder loose"
    " ends happy everyone everybody people mode level position hands pressure stress risk risks impact damage"
    " damages minimum minimal low smooth smoothly safe safely sound whole effects effect side consequences"
    " consequence circumstance concerned involved affected satisfied remedy remedies seem seems look looks"
    " confidence cautiously courage"
)
_JOINING = words(
    "the a an this that these those it its them they their there here you your we our us he she him her one ones"
    " all any some each every both no not nothing none and or but so as if when until till while once where what"
    " who how which than then to of for in on at by from into onto with within without about around over under"
    " after before during is are was were be been being am has have had having do does did can could may might"
    " will would shall should must sure please also too very quite just only even up let such"
)
_LED = re.compile(
    r"^\W*(?:if|when|once|unless|after|before|in case|as soon as|otherwise|for|until|while|"
    r"should)\b[^,:]{0,200}[,:]\s+|"
    r"^\W*(?:otherwise|else|undo|note)\b\W*|^\W*(?:in order |so as )?to\b[^,:]{0,200}[,:]\s+",
    re.IGNORECASE,
)
_MEANS = words("by via using with in through from per on at to after until for into")
_CLOSABLE = words("alert alerts alarm ticket tickets page thread")
_OBJECT_WORDS = 5


def main_clause(text: str) -> str:
    """A sentence without the condition it opens with."""
    led = _LED.match(text)
    return text[led.end() :] if led else text


def hollow_words(text: str) -> str:
    """The part of a sentence's main clause that asks for nothing one can do; empty where it asks for something."""
    main = main_clause(text)
    if found := _PHRASE.search(main) or _PASSIVE.search(main):
        return found[0]
    bare = SEQUENCE.sub("", re.sub(r"^\W*(?:\d{1,3}[.)]\s*)?", "", main), count=1)
    if len(bare) > 200 or re.search(r"[`\d#@]|: ", bare):
        return ""
    said = re.findall(r"[a-z]+(?:[-'][a-z]+)*", bare.lower())
    if len(said) < 2 or (said[0] not in _ALONE and said[0] not in _WITH_MORE):
        return ""
    rest = said[1:]
    goes_on = said[0] in {"continue", "proceed", "move"} and bool({"step", "steps"} & set(rest))
    if goes_on or (said[0] == "do" and "nothing" in rest) or _CLOSABLE & set(rest[:3]):
        return ""
    if all(w in _EMPTY or w in _JOINING or w in _ALONE or w in _WITH_MORE for w in rest):
        return bare if said[0] in _ALONE or any(w in _EMPTY for w in rest) or "there" in rest else ""
    after = rest[1:] if rest[0] in {"with", "out"} else rest
    if said[0] in _ALONE and 0 < len(after) <= _OBJECT_WORDS and not _MEANS & set(after):
        return bare
    return ""
