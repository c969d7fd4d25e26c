"""Guides written for stepfleet: sections with callable blocks, branches and instructions into drafts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dag.model import NO_EFFECT, Call, Condition, Effect, Kind, Span, Step, ValueType, Verify
from tsg.catalogue import Catalogue
from tsg.compile.branches import ways_out
from tsg.compile.calls import UNKNOWN, Made, is_callable, make_call
from tsg.compile.conditions import computed, resolve
from tsg.compile.drafts import Draft, Ending, Exit, Place, Stop, Target
from tsg.compile.headings import ending_of, is_background
from tsg.compile.measures import Measure, Values, measure_of_query, unit_by_suffix
from tsg.compile.notes import Notes
from tsg.compile.placeholders import line_offset, names_in
from tsg.compile.prose import SHELL, is_by_hand, is_instruction, mentioned, prose
from tsg.compile.risk import risk_of
from tsg.compile.sentences import Clause, Unread, VerifiedWhen, read_block
from tsg.compile.targets import Targets, numbers_of
from tsg.findings import Code, did_you_mean
from tsg.guide import Guide, Section

STEP_TIMEOUT_S = 60.0
DEFAULT_WITHIN_S = 30.0  # a "Verified when" that names no time


@dataclass
class Part:
    """A section that is a step, before the names of the whole guide are known."""

    section: Section
    made: tuple[Made, ...]
    clauses: tuple[Clause, ...]
    verified: VerifiedWhen | None
    undo: str | None
    by_hand: bool
    first: tuple[Made, ...] = ()  # reads that the action needs
    action: Made | None = None
    after: tuple[Made, ...] = ()  # reads that verify the action


def native_stops(guide: Guide, catalogue: Catalogue, notes: Notes) -> tuple[list[Stop], dict[str, ValueType]]:
    """The guide's steps and endings in the order of the text, and the type of every named value."""
    parts: dict[int, Part] = {}
    stops: list[Stop | Part] = []
    sections: dict[int, Target] = {}
    count = 0
    for i, section in enumerate(guide.sections):
        ending = ending_of(section)
        if ending is not None or section.level < 2:
            _report_uncalled(section, catalogue, notes, "an ending" if ending else "the introduction")
            if ending is not None:
                stops.append(Ending(ending, section.lines))
                sections[i] = ending
            continue
        part = _part(section, catalogue, notes)
        if part is None:
            continue
        sections[i] = Place(count)
        parts[i] = part
        stops.append(part)
        count += 2 if part.first and part.action is not None else 1
    values = _values(guide, parts.values(), notes)
    later = {m.call.bind for p in parts.values() for m in p.after if m.call.bind} - {
        m.call.bind for p in parts.values() for m in (*p.first, *((p.action,) if p.action else ())) if m.call.bind
    }
    usable = Values({n: t for n, t in values.types.items() if n not in later}, values.measures)
    targets = Targets(guide, sections, numbers_of(guide, sections), notes)
    made: list[Stop] = []
    for stop in stops:
        if not isinstance(stop, Part):
            made.append(stop)
        else:
            index = sum(isinstance(s, Draft) for s in made)
            made += _drafts(stop, index, values, usable, targets, notes)
    return made, dict(values.types)


def _report_uncalled(section: Section, catalogue: Catalogue, notes: Notes, where: str) -> None:
    for fence in section.fences:
        if is_callable(fence, catalogue):
            message = f"the {fence.language} block stands in {where} and is never called"
            notes.warn(fence.lines.first, Code.BLOCK_OUTSIDE_STEP, message, "move it under a heading of its own")


def _part(section: Section, catalogue: Catalogue, notes: Notes) -> Part | None:
    """Read one section; None when it is background."""
    fences = [f for f in section.fences if is_callable(f, catalogue)]
    for fence in section.fences:
        if fence not in fences and "as" in fence.attributes:
            name = fence.language or "the block"
            hint = did_you_mean(name, ("promql", "http", "query", "action"), "callable: promql, http, query, action")
            message = f"'{name}' cannot be called, and its result has a name"
            notes.error(fence.lines.first, Code.CALL_UNKNOWN, message, hint)
    said = [s for block in section.blocks for s in read_block(block)]
    clauses = tuple(s for s in said if isinstance(s, Clause))
    shell = any(f.language in SHELL for f in section.fences)
    by_hand = any(is_by_hand(b) for b in section.blocks)
    told = not is_background(section) and any(is_instruction(b) for b in section.blocks)
    if not (fences or clauses or shell or by_hand or told):
        return None
    for s in said:
        if isinstance(s, Unread):
            message = f"'{s.words}' reads like a branch, and its form is not known"
            hint = "write 'If CONDITION, go to [Heading](#heading); otherwise continue.'"
            notes.error(s.line, Code.BRANCH_UNREADABLE, message, hint)
    made = tuple(m for f in fences if (m := make_call(f, catalogue, notes)) is not None)
    verified = [s for s in said if isinstance(s, VerifiedWhen)]
    for extra in verified[1:]:
        message = "a second 'Verified when' in the section"
        notes.error(extra.lines.first, Code.BRANCH_TWICE, message, "join both by 'and'")
    part = Part(section, made, clauses, verified[0] if verified else None, _undo(section), by_hand or shell)
    _arrange(part, any(f.language == "action" for f in fences), notes)
    return part


def _undo(section: Section) -> str | None:
    for block in section.blocks:
        words = " ".join(block.text.split())
        if block.pieces and words.lower().startswith("undo:") and words[5:].strip():
            return words[5:].strip()
    return None


def _arrange(part: Part, meant_action: bool, notes: Notes) -> None:
    """Tell apart what is read before the action, the action, and what is read back after it."""
    actions = [m for m in part.made if m.is_action]
    reads = [m for m in part.made if not m.is_action]
    for extra in actions[1:]:
        message = "a second action in the section"
        notes.error(extra.fence.lines.first, Code.SECOND_ACTION, message, "give it a section of its own")
    if not actions:
        part.first = tuple(reads)
        line = part.section.lines.first
        if part.verified is not None and not meant_action:
            line = part.verified.lines.first
            message = "'Verified when' in a section without an action"
            notes.error(line, Code.VERIFY_WITHOUT_ACTION, message, "move it to the action's section")
        if part.undo is not None and not meant_action and not part.by_hand:
            message = "'Undo:' in a section without an action"
            notes.warn(line, Code.UNDO_WITHOUT_ACTION, message, "move it to the action's section")
        return
    part.action = actions[0]
    needed = set(names_in(part.action.call.arguments))
    first: list[Made] = []
    for made in reversed([m for m in reads if m.fence.lines.first < part.action.fence.lines.first]):
        if made.call.bind in needed:
            first.insert(0, made)
            needed |= set(names_in(made.call.arguments))
    part.first = tuple(first)
    said = " ".join(part.verified.condition.code) if part.verified is not None else ""
    after = [m for m in reads if m not in first or (m.call.bind and m.call.bind in said)]
    part.after = tuple(after) if part.verified is not None else ()
    for made in after if part.verified is None else ():
        message = "the block is there to verify the action, and nothing says when it is verified"
        hint = "add 'Verified when `...` within 30 s.', or give the block a section of its own"
        notes.error(made.fence.lines.first, Code.READ_BACK_UNUSED, message, hint)


def _values(guide: Guide, parts: Iterable[Part], notes: Notes) -> Values:
    """Type and unit of every input and result; a name belongs to one block only."""
    types = {i.name: i.type for i in guide.front.inputs}
    measures = {name: Measure(unit_by_suffix(name)) for name in types}
    owner: dict[str, int] = {n: guide.front.input_lines.get(n, 1) for n in types}
    for part in parts:
        for made in part.made:
            name = made.call.bind
            if name is None:
                continue
            line = made.fence.lines.first
            if name in types:
                message = f"the name '{name}' is taken since line {owner[name]}"
                notes.error(line, Code.NAME_TWICE, message, "choose another name after as=")
                continue
            types[name] = made.call.result
            measures[name] = _measure(made.call)
            owner[name] = line
    return Values(types, measures)


def _measure(call: Call) -> Measure:
    if call.plugin != "promql":
        return Measure(unit_by_suffix(call.bind or ""))
    measure = measure_of_query(call.arguments["query"])
    return replace(measure, single=measure.single and "range_s" not in call.arguments)


def _drafts(
    part: Part,
    index: int,
    values: Values,
    usable: Values,
    targets: Targets,
    notes: Notes,
) -> list[Draft]:
    """One draft, or two where an action's section first reads what the action needs."""
    for made in part.made:
        _check_names(made, values.types, notes)
    split = bool(part.first) and part.action is not None
    exits = ways_out(part.clauses, index + split, usable, targets.resolve, notes)
    step = _step(part, exits, values, notes)
    if not split:
        only_defaults = all(e.default for e in exits)
        return [Draft(step, exits, reads=step.kind is Kind.QUERY and only_defaults)]
    failing = tuple(e for e in exits if e.default)
    return [Draft(_reading_step(part, step.id), failing, reads=True), Draft(step, exits)]


def _check_names(made: Made, types: Mapping[str, ValueType], notes: Notes) -> None:
    for name in names_in(made.call.arguments):
        if name not in types:
            line = made.fence.body_line + line_offset(made.fence.body, name)
            hint = did_you_mean(name, types, "declare it under inputs, or bind a block's result to it with as=")
            notes.error(line, Code.NAME_UNKNOWN, f"no value is named '{name}'", hint)


def _step(part: Part, exits: tuple[Exit, ...], values: Values, notes: Notes) -> Step:
    section = part.section
    action = part.action
    calls = (action.call,) if action is not None else tuple(m.call for m in part.first)
    verify = _verify(part, values, notes) if action is not None else None
    kind = _kind(part)
    produces = tuple(dict.fromkeys(c.bind for c in calls if c.bind))
    consumes = _consumes(part, calls, exits, verify, kind, values.types, notes)
    text = prose(section.blocks, with_fences=kind is Kind.MANUAL)
    risk = risk_of(section.title, text) if kind is Kind.MANUAL else ""
    if action is not None:
        risk = f"calls {action.call.plugin}"
    return Step(
        id=section.slug,
        title=section.title or section.slug,
        kind=kind,
        lines=(section.lines,),
        calls=calls,
        consumes=consumes,
        produces=produces,
        effect=_effect(part, kind),
        risky=bool(risk),
        risk=risk,
        timeout_s=max([STEP_TIMEOUT_S, *(c.timeout_s or 0.0 for c in calls)]),
        retries=0 if action is not None else max((m.retries for m in part.first), default=0),
        verify=verify,
        undo=part.undo,
        text=text,
    )


def _kind(part: Part) -> Kind:
    if part.action is not None:
        return Kind.ACTION
    if part.by_hand:
        return Kind.MANUAL
    if part.first:
        return Kind.QUERY
    return Kind.CHECK if part.clauses else Kind.MANUAL


def _reading_step(part: Part, step_id: str) -> Step:
    """The reads that an action's section makes before the action."""
    calls = tuple(m.call for m in part.first)
    produces = tuple(dict.fromkeys(c.bind for c in calls if c.bind))
    consumes = dict.fromkeys(n for c in calls for n in names_in(c.arguments) if n not in produces)
    first, last = part.first[0].fence.lines, part.first[-1].fence.lines
    return Step(
        id=f"{step_id}.read",
        title=f"{part.section.title}: read first",
        kind=Kind.QUERY,
        lines=(Span(first.first, last.last),),
        calls=calls,
        consumes=tuple(consumes),
        produces=produces,
        effect=_together([m.effect for m in part.first]),
        timeout_s=max([STEP_TIMEOUT_S, *(c.timeout_s or 0.0 for c in calls)]),
        retries=max(m.retries for m in part.first),
        text=prose(part.section.blocks),
    )


def _effect(part: Part, kind: Kind) -> Effect:
    if kind is Kind.MANUAL:
        return UNKNOWN
    made = [part.action, *part.after] if part.action is not None else list(part.first)
    return _together([m.effect for m in made])


def _together(effects: list[Effect]) -> Effect:
    """What several calls read and write; one unknown makes all unknown."""
    if not effects:
        return NO_EFFECT
    reads = None if any(e.reads is None for e in effects) else frozenset().union(*(e.reads or () for e in effects))
    writes = None if any(e.writes is None for e in effects) else frozenset().union(*(e.writes or () for e in effects))
    return Effect(reads, writes)


def _verify(part: Part, values: Values, notes: Notes) -> Verify | None:
    said = part.verified
    if said is None:
        return None
    before = len(notes.findings)
    cel = resolve(said.condition, values, notes)
    normal, names = computed(cel, values.types)
    if normal is None:
        if len(notes.findings) == before:
            message = f"'{said.condition.words}' cannot be computed, so it verifies nothing"
            hint = "write inline code over the section's own results, e.g. `max(waiting_after) < 1`"
            notes.error(said.lines.first, Code.VERIFY_NOT_COMPUTED, message, hint)
        return None
    condition = Condition(said.condition.words, (said.lines,), normal, names)
    read = tuple(m.call for m in part.after)
    if not {c.bind for c in read} & set(names):
        message = f"'{said.condition.words}' looks at nothing that is read after the change"
        hint = "read it in this section, below the action, and use that name"
        notes.error(said.lines.first, Code.VERIFY_NOT_COMPUTED, message, hint)
        return None
    return Verify(read, condition, DEFAULT_WITHIN_S if said.within_s is None else said.within_s)


def _consumes(
    part: Part,
    calls: tuple[Call, ...],
    exits: tuple[Exit, ...],
    verify: Verify | None,
    kind: Kind,
    types: Mapping[str, ValueType],
    notes: Notes,
) -> tuple[str, ...]:
    """Names the step needs from elsewhere: in arguments, in its branches, and shown to who judges."""
    wanted: dict[str, None] = {}
    bound: set[str] = set()
    own = {c.bind for c in calls if c.bind}
    for call in calls:
        for name in names_in(call.arguments):
            if name in own and name not in bound:
                message = f"'{name}' is used before the block that binds it"
                notes.error(call.lines[0].first, Code.NAME_UNKNOWN, message, "put the block that binds it first")
            elif name not in bound:
                wanted[name] = None
        bound |= {call.bind} if call.bind else set()
    for way in exits:
        wanted |= dict.fromkeys(n for n in (way.condition.names if way.condition else ()) if n not in bound)
    if verify is not None:
        read = {c.bind for c in verify.calls}
        asked = (*(n for c in verify.calls for n in names_in(c.arguments)), *verify.condition.names)
        wanted |= dict.fromkeys(n for n in asked if n not in read and n not in bound)
    judged = any(e.condition is not None and e.condition.cel is None for e in exits)
    if judged or kind is Kind.MANUAL:
        wanted |= dict.fromkeys(n for n in mentioned(part.section.blocks) if n in types and n not in bound)
    return tuple(n for n in wanted if n in types)
