"""A section's clauses into the ways out of its step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dag.model import Span, Terminal
from tsg.compile.conditions import Read, as_condition, complement, read_condition
from tsg.compile.drafts import Exit, Place, Target
from tsg.compile.measures import Values
from tsg.compile.notes import Notes
from tsg.compile.sentences import Clause, Goto
from tsg.findings import Code

Resolve = Callable[[Goto, int], Target]


@dataclass
class _Ways:
    """The ways out found so far."""

    values: Values
    resolve: Resolve
    notes: Notes
    exits: list[Exit] = field(default_factory=list)
    siblings: list[Read] = field(default_factory=list)
    closed: bool = False
    default: bool = False


def ways_out(
    clauses: Sequence[Clause],
    index: int,
    values: Values,
    resolve: Resolve,
    notes: Notes,
) -> tuple[Exit, ...]:
    """Turn the clauses of the step at `index` into its exits.

    A branch without an else gets one, to a person; a loop gets a default to a person for the time when it
    is used up.
    """
    ways = _Ways(values, resolve, notes)
    for clause in clauses:
        if clause.condition is not None or clause.otherwise or clause.default:
            _conditional(ways, clause)
    for clause in clauses:
        if clause.condition is None and not clause.otherwise and not clause.default:
            _plain(ways, clause)
    if ways.siblings and not ways.closed and not _covered(ways):
        _implicit_else(ways)
    _check_loops(ways, index)
    return tuple(ways.exits)


def _conditional(ways: _Ways, clause: Clause) -> None:
    line = clause.lines.first
    target = ways.resolve(clause.goto, line)
    if clause.default:
        if ways.default:
            ways.notes.error(line, Code.BRANCH_TWICE, "a second default for this step", "keep one of them")
        else:
            ways.exits.append(Exit(target, clause.lines, default=True, bound=clause.goto.bound))
        ways.default = True
        return
    if ways.closed:
        hint = "put it before the 'otherwise'"
        ways.notes.error(line, Code.BRANCH_TWICE, "a branch after the step's 'otherwise'", hint)
        return
    if clause.otherwise and not ways.siblings:
        hint = "write 'If ..., go to [...]' before it"
        ways.notes.error(line, Code.BRANCH_UNREADABLE, "'otherwise' without an 'if' before it", hint)
        return
    if clause.condition is None:
        _otherwise(ways, target, clause)
        return
    read = read_condition(clause, ways.values, ways.notes)
    if clause.otherwise:
        words = f"otherwise, if {read.text}"
        condition = complement(ways.siblings, read, words, clause.lines, ways.values.types)
    else:
        condition = as_condition(read, ways.values.types)
    ways.siblings.append(read)
    ways.exits.append(Exit(target, clause.lines, condition, bound=clause.goto.bound))


def _otherwise(ways: _Ways, target: Target, clause: Clause) -> None:
    condition = complement(ways.siblings, None, "otherwise", clause.lines, ways.values.types)
    ways.exits.append(Exit(target, clause.lines, condition, otherwise=True, bound=clause.goto.bound))
    ways.closed = True


def _plain(ways: _Ways, clause: Clause) -> None:
    line = clause.lines.first
    target = ways.resolve(clause.goto, line)
    if ways.closed:
        hint = "keep one of them, or say 'If ...' before it"
        ways.notes.error(line, Code.BRANCH_TWICE, "the step already says where it goes otherwise", hint)
    elif ways.siblings:
        # "If a, go to X. Go to Y." means Y in all other cases: an edge without a condition would be
        # taken beside X.
        _otherwise(ways, target, clause)
    else:
        ways.exits.append(Exit(target, clause.lines, bound=clause.goto.bound))
        ways.closed = True


def _covered(ways: _Ways) -> bool:
    """Whether one branch is literally the opposite of another."""
    computed = {e.condition.cel for e in ways.exits if e.condition is not None and e.condition.cel}
    return any(f"!({c})" in computed for c in computed)


def _implicit_else(ways: _Ways) -> None:
    first = ways.siblings[0].lines
    lines = Span(first.first, max(r.lines.last for r in ways.siblings))
    condition = complement(ways.siblings, None, "otherwise", lines, ways.values.types)
    ways.exits.append(Exit(Terminal.ESCALATE, lines, condition, otherwise=True, implicit=True))
    message = "the branch does not say what happens otherwise; the run would be handed to a person"
    hint = "add '; otherwise continue.' or '; otherwise go to [Escalate](#escalate).'"
    ways.notes.warn(lines.first, Code.BRANCH_WITHOUT_ELSE, message, hint)


def _check_loops(ways: _Ways, index: int) -> None:
    kept: list[Exit] = []
    loops = False
    for way in ways.exits:
        back = isinstance(way.target, Place) and way.target.index <= index
        line = way.lines.first
        if way.bound is not None and not back:
            message = "'at most ... times' on a way forward means nothing"
            ways.notes.warn(line, Code.LOOP_FORWARD, message, "leave it out, or go back to an earlier step")
        if back and way.default:
            # What failed may fail for ever: a default is where attempts end.
            message = "a stated default leads back, so a failure could repeat without end"
            ways.notes.error(line, Code.LOOP_DEFAULT, message, "let the default go to [Escalate](#escalate)")
            continue
        if back and way.bound is None:
            message = "the way back does not say how often it may be taken"
            ways.notes.error(line, Code.LOOP_UNBOUNDED, message, "add ', at most 3 times'")
        if back and way.bound is not None and way.bound < 1:
            ways.notes.error(line, Code.LOOP_UNBOUNDED, "the way back is taken at most 0 times", "write 1 or more")
        loops = loops or back
        kept.append(way)
    if loops and not any(e.default for e in kept):
        lines = next(e.lines for e in kept if isinstance(e.target, Place) and e.target.index <= index)
        kept.append(Exit(Terminal.ESCALATE, lines, default=True, implicit=True))
    ways.exits = kept
