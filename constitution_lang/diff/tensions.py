"""What tensions decide: which of two sides gains, in which cases, and where the data now lacks a label."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from math import frexp

from constitution_lang.analysis.diagram import NO, YES, Diagram, DiagramError, Node
from constitution_lang.analysis.outcomes import outcome
from constitution_lang.diff.counts import Cases, Direction
from constitution_lang.diff.gains import gain
from constitution_lang.diff.governed import Governed, Pairs, governed_pairs
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Stale,
    Subject,
    SubjectKind,
    Work,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.principles import Found, narrowed, retired_lines
from constitution_lang.diff.space import Common, Told
from constitution_lang.diff.staleness import of_tension
from constitution_lang.diff.together import Regrouping
from constitution_lang.diff.words import condition_words, count_words, outcome_words
from constitution_lang.ir.model import (
    ALWAYS,
    Attribute,
    Bundle,
    Condition,
    Origin,
    Prefer,
    Tension,
    Weigh,
)
from constitution_lang.ir.model import Outcome as Decided

__all__ = ["rules_text", "tension_changes"]


@dataclass(frozen=True, slots=True)
class _Group:
    """Pairs that are governed alike; `names` are the sides of the lesser and of the greater id."""

    was: Governed | None
    now: Governed | None
    names: tuple[str, str]


def tension_changes(pairing: Pairing, common: Common) -> Iterator[Found]:
    """Every tension that came, went or is written otherwise."""
    before, after = governed_pairs(pairing)
    together = Regrouping(before, after)
    old = {t.id: t for t in pairing.old.tensions}
    new = {t.id: t for t in pairing.new.tensions}
    for id in sorted(old.keys() | new.keys()):
        one, other = old.get(id), new.get(id)
        if one is not None and other is not None and _plain(one, pairing, common) == _plain(other, None, common):
            continue
        yield from _Comparison(pairing, common, (before, after), together, (one, other)).found()


def rules_text(tension: Tension, attributes: Mapping[str, Attribute]) -> str:
    """The rules as the constitution with these attributes would write them."""
    lines = [f"between {tension.sides[0]} and {tension.sides[1]}"]
    for rule in tension.rules:
        decided = outcome_words(rule.outcome, tension.sides)
        where = "otherwise" if rule.condition == ALWAYS else f"when {condition_words(rule.condition, attributes)}"
        lines.append(f"{where}: {decided}")
    return "\n".join(lines)


def _plain(tension: Tension, pairing: Pairing | None, common: Common) -> object:
    """Sides and rules, in the names of the new version and over the compared values."""
    sides = tuple(pairing.side(s) if pairing else s for s in tension.sides)
    rules = tuple(
        (narrowed(r.condition, common.values), _named(r.outcome, tension.sides, (sides[0], sides[1])))
        for r in tension.rules
    )
    return tuple(sorted(sides)), rules


def _named(decided: Decided, sides: tuple[str, str], names: tuple[str, str]) -> object:
    match decided:
        case Prefer(side):
            return Prefer(names[sides.index(side)])
        case Weigh(first, second):
            return Weigh(first, second) if names[0] < names[1] else Weigh(second, first)
        case _:
            return decided


class _Comparison:
    """One tension in two versions."""

    def __init__(
        self,
        pairing: Pairing,
        common: Common,
        governed: tuple[Pairs, Pairs],
        together: Regrouping,
        versions: tuple[Tension | None, Tension | None],
    ) -> None:
        self.pairing, self.common = pairing, common
        self.before, self.after = governed
        self.together = together
        self.old, self.new = old, new = versions
        tension = new or old
        assert tension is not None
        self.tension = tension
        self.sides = tension.sides if new else (pairing.side(tension.sides[0]), pairing.side(tension.sides[1]))
        """In the names of the new version."""
        self.anywhere = False
        """Whether the cases are counted without a look at whether both sides apply."""
        self.outcomes: set[object] = set()
        self.yielding: set[str] = set()
        self.works: set[Work] = set()
        """What is another one though no outcome is."""

    def found(self) -> Iterator[Found]:
        kind, places, values = self._about()
        subject = Subject(SubjectKind.TENSION, self.tension.id)
        told, cases = self._cases()
        aspect = kind
        grade = Grade.BEHAVIOUR if cases.changed != 0 else Grade.METADATA
        if kind is Aspect.OUTCOME and cases.changed == 0:
            aspect = Aspect.REWRITTEN
        made: Change = change(
            grade, subject, aspect, self._says(aspect, cases), places, values=values, cases=cases,
            stale=self._stale(cases) if grade is Grade.BEHAVIOUR else (),
        )  # fmt: skip
        if kind is Aspect.REMOVED:
            help = f"write `retired tension {self.tension.id} since {self.pairing.new.version}`"
            made = change(Grade.IDENTITY, subject, aspect, made.says, places, values=values, help=help,
                          cases=cases, stale=made.stale)  # fmt: skip
        yield Found(made, told)

    def _cases(self) -> tuple[tuple[tuple[Node, Told], ...], Cases]:
        """Where it decides otherwise; whether both sides apply there is left open where that is too entangled."""
        for self.anywhere in (False, True):
            try:
                told = tuple(self._told())
                return told, self.common.among(told)
            except DiagramError:
                self.common.restart()
        return (), self.common.uncounted()

    def _about(self) -> tuple[Aspect, tuple[Origin | None, Origin | None], tuple[str, str]]:
        old = rules_text(self.old, self.common.declared[0]) if self.old else ""
        new = rules_text(self.new, self.common.declared[1]) if self.new else ""
        places = self.old.origin if self.old else None, self.new.origin if self.new else None
        if self.new is None:
            line = retired_lines(self.pairing).get((SubjectKind.TENSION, self.tension.id))
            if line is None:
                return Aspect.REMOVED, places, (old, new)
            return Aspect.RETIRED, (places[0], line.origin), (old, new)
        return (Aspect.ADDED if self.old is None else Aspect.OUTCOME), places, (old, new)

    def _says(self, aspect: Aspect, cases: Cases) -> str:
        id, sides = self.tension.id, f"between {self.sides[0]} and {self.sides[1]}"
        many = count_words(cases.changed, cases.total)
        if self.anywhere and cases.changed is not None:
            many += ", those counted in which the sides do not both apply"
        where = f"it changes what is decided in {many}"
        nothing = "and changes nothing that is decided"
        if cases.left_out:
            nothing += " in the cases that both versions know"
        match aspect:
            case Aspect.ADDED:
                return f"{id} is new {sides}; {where}" if cases.changed != 0 else f"{id} is new {sides}, {nothing}"
            case Aspect.RETIRED:
                return f"{id} {sides} is retired; {where}" if cases.changed != 0 else f"{id} is retired, {nothing}"
            case Aspect.REMOVED:
                return f"{id} {sides} is gone without a `retired` line; {where}"
            case Aspect.REWRITTEN:
                return f"{id} says it in other words, {nothing}"
            case _:
                return f"{id} decides otherwise {sides} in {many}"

    def _stale(self, cases: Cases) -> tuple[Stale, ...]:
        return of_tension(self.outcomes, sorted(self.yielding), cases, self.works)

    # --- cases ------------------------------------------------------------------------------------

    def _told(self) -> Iterator[tuple[Node, Told]]:
        """For every way in which pairs were and are governed, where that makes a difference."""
        diagram = self.common.diagram
        groups: dict[_Group, set[tuple[str, str]]] = {}
        for pair in sorted(self.before.keys() | self.after.keys()):
            was, now = self.before.get(pair), self.after.get(pair)
            if self._is_mine(was, now):
                groups.setdefault(_Group(was, now, self._names(pair, now)), set()).add(pair)
        for group, pairs in groups.items():
            one, other = (self._decides(diagram, governed, group.names) for governed in (group.was, group.now))
            play = YES if self.anywhere else diagram.any_of(self._play(pairs, group))
            both = diagram.choose(play, diagram.apply(_both, one, other), diagram.constant(None))
            both = diagram.choose(self.common.within, both, diagram.constant(None))
            for value in diagram.values(both):
                if isinstance(value, tuple) and not self._alike(*value) and (told := gain(group.names, *value)):
                    self._note(value, group.names, pairs)
                    yield diagram.apply(_equal, both, diagram.constant(value)), told
            yield from self._said_otherwise(diagram, both, group, pairs)
        applies = None if self.anywhere else lambda p, version: self.common.of(self._applies(p, version))
        votes = max(bundle.preference.draw for bundle in (self.pairing.old, self.pairing.new))
        for found in self.together.found(self.common, applies, self._is_mine, votes):
            where = diagram.and_(self.common.within, found.where)
            if where != NO:
                self.works |= {Work.DRAWS, Work.LABELS} if isinstance(found.outcome, Weigh) else {Work.LABELS}
                yield where, found.told

    def _said_otherwise(
        self, diagram: Diagram, both: Node, group: _Group, pairs: set[tuple[str, str]]
    ) -> Iterator[tuple[Node, Told]]:
        """Where a side comes first as before, and the prompts of the other one say it with the text of another side."""
        if group.was is None or group.now is None:
            return
        was = _in_order(tuple(map(self.pairing.side, group.was.tension.sides)), group.was)
        now = _in_order(group.now.tension.sides, group.now)
        for at, name in enumerate(group.names):
            value = (Prefer(name), Prefer(name))
            where = diagram.apply(_equal, both, diagram.constant(value))
            if was[at] != now[at] and where != NO:
                self.works |= {Work.CRITIQUES, Work.REVISIONS}
                self.yielding |= {pair[1 - at] for pair in pairs}
                says = f"what yields is told that {now[at]} comes first, and no longer {was[at]}"
                yield where, (says, Direction.SHIFTED, f"prefer {was[at]}", f"prefer {now[at]}")

    def _alike(self, before: object, after: object) -> bool:
        """Whether both weigh by one ratio, and there is nobody beside their sides to gain or lose by that.

        Only where the one is a power of two times the other: other factors move the last bit of a weight.
        """
        if not (isinstance(before, Weigh) and isinstance(after, Weigh) and before.first and before.second):
            return False
        factor = after.first / before.first
        same = before.second * factor == after.second and frexp(factor)[0] == 0.5
        versions = ((self.old, self.pairing.old), (self.new, self.pairing.new))
        return same and all(t is not None and _is_alone(t, bundle) for t, bundle in versions)

    def _note(self, value: tuple[object, ...], names: tuple[str, str], pairs: set[tuple[str, str]]) -> None:
        """What the changed outcomes are, and who is concerned."""
        self.outcomes |= {decided for decided in value if decided is not None}
        preferred = {decided.side for decided in value if isinstance(decided, Prefer)}
        self.yielding |= {pair[at] for pair in pairs for at in (0, 1) if names[1 - at] in preferred}

    def _is_mine(self, was: Governed | None, now: Governed | None) -> bool:
        """Whether a pair is told of under this tension: under the new one that governs it, where that is another."""
        if now is not None and now.tension is self.new:
            return True
        taken_over = now is not None and now.tension.id not in {t.id for t in self.pairing.old.tensions}
        return was is not None and was.tension is self.old and not taken_over

    def _names(self, pair: tuple[str, str], now: Governed | None) -> tuple[str, str]:
        """The sides on which a pair stands, in order of its ids and in the names of the new version."""
        if now is not None and now.tension is self.new:
            first, second, straight = *now.tension.sides, now.straight
        else:
            was = self.before[pair]
            first, second, straight = *map(self.pairing.side, was.tension.sides), was.straight
        return (first, second) if straight else (second, first)

    def _decides(self, diagram: Diagram, governed: Governed | None, names: tuple[str, str]) -> Node:
        """The outcome of a tension that governs a pair, whose sides are called `names` in order of the pair's ids."""
        if governed is None:
            return diagram.constant(None)
        named = names if governed.straight else (names[1], names[0])
        return outcome(diagram, governed.tension, named)

    def _play(self, pairs: set[tuple[str, str]], group: _Group) -> Iterator[Node]:
        """Where both of a pair apply, in a version in which a tension governs it."""
        of, diagram = self.common.of, self.common.diagram
        done = set()
        for first, second in pairs:
            for version, governed in enumerate((group.was, group.now)):
                if governed is None:
                    continue
                conditions = tuple(self._applies(id, version) for id in (first, second))
                if conditions not in done:
                    done.add(conditions)
                    yield diagram.and_(of(conditions[0]), of(conditions[1]))

    def _applies(self, id: str, version: int) -> Condition:
        """Where a principle applies in the old or the new version; one that is new as it does in the new one."""
        both = self.pairing.principles.get(id)
        return both[version].applies if both is not None else self.pairing.new.principle(id).applies


def _in_order(sides: tuple[str, ...], governed: Governed) -> tuple[str, ...]:
    """The sides of a pair in order of its ids."""
    return sides if governed.straight else sides[::-1]


def _is_alone(tension: Tension, bundle: Bundle) -> bool:
    """Whether every principle is on a side of this tension, and no other tension speaks."""
    sides = [
        tension.sides[0] in {p.id, p.category} or tension.sides[1] in {p.id, p.category} for p in bundle.principles
    ]
    return all(sides) and len(bundle.tensions) == 1


def _both(before: Hashable, after: Hashable) -> Hashable:
    return (before, after)


def _equal(one: Hashable, other: Hashable) -> Hashable:
    return one == other
