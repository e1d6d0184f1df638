"""All cases at once: conditions as propositions that a SAT solver answers about.

Each value of each attribute is a Boolean variable, and exactly one of an attribute's values is true. A condition
becomes a literal, made once; a question is whether some literals can be true together, and a case in which they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations

from constitution_lang.ir.model import AllOf, AnyOf, Attribute, Compare, Condition, Not, Tension
from constitution_lang.ir.truth_table import CASES_MAX, TruthTable

__all__ = ["NEVER", "TRUE", "Space"]

TRUE, NEVER = 1, -1
"""The literals that are always true and never true."""


class Space:
    """The cases of some attributes. The solver is loaded by the first question that needs it.

    Up to `cases_max` cases a table answers what it can. Which of the two answers cannot be seen.
    """

    def __init__(self, attributes: Iterable[Attribute], *, cases_max: int = CASES_MAX) -> None:
        self._attributes = {a.id: a for a in attributes}
        declared = self._attributes.values()
        self._table = TruthTable(declared) if TruthTable.fits(declared, cases_max) else None
        self._clauses: list[list[int]] = [[TRUE]]
        self._last = TRUE
        self._values: dict[str, dict[str, int]] = {}
        self._of_condition: dict[Condition, int] = {}
        self._of_all: dict[frozenset[int], int] = {}
        self._fires: dict[str, tuple[int, ...]] = {}
        self._solver: _Solver | None = None
        self._preferred = 0
        """Of how many attributes the solver knows the default."""

    # --- propositions ---------------------------------------------------------------------------

    def asks(self) -> bool:
        """Whether some condition so far named an attribute."""
        return bool(self._values)

    def new(self) -> int:
        """A variable that nothing is said of yet."""
        self._last += 1
        return self._last

    def say(self, *literals: int) -> None:
        """From now on one of these is true."""
        if self._solver is None:
            self._clauses.append(list(literals))
        else:
            self._solver.add(list(literals))

    def literal(self, condition: Condition) -> int:
        """Whether a condition is true."""
        known = self._of_condition.get(condition)
        if known is None:
            match condition:
                case Compare(attribute, values):
                    known = self._compare(attribute, values)
                case AllOf(operands):
                    known = self.all_of(self.literal(c) for c in operands)
                case AnyOf(operands):
                    known = self.any_of(self.literal(c) for c in operands)
                case Not(operand):
                    known = -self.literal(operand)
            self._of_condition[condition] = known
        return known

    def all_of(self, literals: Iterable[int]) -> int:
        """Whether all of them are true."""
        kept = frozenset(literals) - {TRUE}
        if NEVER in kept or any(-literal in kept for literal in kept):
            return NEVER
        if len(kept) < 2:
            return next(iter(kept), TRUE)
        known = self._of_all.get(kept)
        if known is None:
            known = self._of_all[kept] = self.new()
            if self._table:
                self._table.conjunction(known, kept)
            for literal in kept:
                self.say(-known, literal)
            self.say(known, *(-literal for literal in kept))
        return known

    def any_of(self, literals: Iterable[int]) -> int:
        """Whether one of them is true."""
        return -self.all_of(-literal for literal in literals)

    def fires(self, tension: Tension) -> tuple[int, ...]:
        """For each rule whether it decides: it holds, and no earlier one does."""
        known = self._fires.get(tension.id)
        if known is None:
            holding = [self.literal(rule.condition) for rule in tension.rules]
            known = tuple(self.all_of((h, *(-e for e in holding[:i]))) for i, h in enumerate(holding))
            self._fires[tension.id] = known
        return known

    def _compare(self, attribute: str, values: tuple[str, ...]) -> int:
        known = self._values.get(attribute)
        if known is None:
            declared = self._attributes[attribute].values
            known = self._values[attribute] = {value: self.new() for value in declared}
            if self._table:
                for value, variable in known.items():
                    self._table.value(variable, attribute, value)
            self.say(*known.values())
            for one, other in combinations(known.values(), 2):
                self.say(-one, -other)
        named = set(values)
        if named >= known.keys():
            return TRUE
        return self.any_of(known[value] for value in values)

    # --- answers --------------------------------------------------------------------------------

    def cases(self, *literals: int) -> int | None:
        """The cases in which all of these are true, one bit for each, where there are few enough for a table."""
        return self._table.where(literals) if self._table else None

    def possible(self, *literals: int) -> bool:
        """Whether some case makes all of these true."""
        asked = {*literals} - {TRUE}
        if NEVER in asked or any(-literal in asked for literal in asked):
            return False
        where = self.cases(*asked)
        return bool(where) if where is not None else self._ready().solve(asked)

    def blame(self, *literals: int, given: Iterable[int] = ()) -> tuple[int, ...]:
        """Of literals that cannot be true together where all of `given` are, some that already cannot.

        None of these can be left out, and none of them is given.
        """
        known = set(given)
        kept = [literal for literal in literals if literal not in known]
        if NEVER in kept:
            return (NEVER,)
        asked = {*kept, *known}
        if self.cases(*asked) is None and not any(-literal in asked for literal in asked):
            self._ready().solve(asked)
            core = self._ready().core()
            kept = [literal for literal in kept if literal in core] or kept
        for literal in tuple(kept):
            if not self.possible(*known, *(other for other in kept if other != literal)):
                kept.remove(literal)
        return tuple(kept)

    def witness(self, *literals: int) -> dict[str, str] | None:
        """A whole case that makes all of these true, or None.

        One after the other, as they are declared, attributes have their default where that is possible, and else the
        first value that is.
        """
        if not self.possible(*literals):
            return None
        found = {id: a.default for id, a in self._attributes.items()}
        given = [literal for literal in literals if literal != TRUE]
        model = None if self.cases(*given) is not None else self.model(*given)
        for id, attribute in self._attributes.items():
            known = self._values.get(id)
            if known is None:
                continue
            for value in (attribute.default, *attribute.values):
                if model and model[id] == value:
                    break
                if self.possible(*given, known[value]):
                    model = self.model(*given, known[value]) if model else None
                    break
            found[id] = value
            given.append(known[value])
        return found

    def model(self, *literals: int) -> dict[str, str]:
        """Some whole case that makes these true, which have to be possible; what is not named has its default."""
        return self.case(self.true(*literals))

    def case(self, true: AbstractSet[int]) -> dict[str, str]:
        """The whole case in which these literals are true (`true`)."""
        found = {id: a.default for id, a in self._attributes.items()}
        for id, known in self._values.items():
            found[id] = next(value for value, literal in known.items() if literal in true)
        return found

    def true(self, *literals: int) -> set[int]:
        """Of some case that makes these true, which have to be possible, every literal that is true in it."""
        asked = {*literals} - {TRUE}
        if not asked and not self._values:
            return {TRUE}
        solver = self._ready()
        if not solver.solve(asked):
            raise AssertionError("asked for a model of what is not possible")
        return solver.model()

    def some(self, *literals: int) -> AbstractSet[int] | None:
        """Every literal that is true in some case that makes these true; None where there is none."""
        asked = {*literals} - {TRUE}
        solver = self._ready()
        if NEVER in asked or not solver.solve(asked):
            return None
        return solver.model() | {TRUE}

    def truths(self, among: Sequence[int], *given: int) -> Iterator[tuple[bool, ...]]:
        """Every way in which `among` can be true or false together where `given` is, each once."""
        open_ = [literal for literal in among if abs(literal) != TRUE]
        if NEVER in given:
            return
        if not open_ and self.possible(*given):
            yield tuple(literal == TRUE for literal in among)
        if not open_:
            return
        where = self.cases(*open_, *given)
        if where is not None and self._table:
            for values in self._table.truths(open_, self.cases(*given) or 0):
                by = dict(zip(open_, values, strict=True))
                yield tuple(by.get(literal, literal == TRUE) for literal in among)
            return
        active, solver = self.new(), self._ready()
        asked = {active, *given} - {TRUE}
        while solver.solve(asked):
            true = solver.model() | {TRUE}
            yield tuple(literal in true for literal in among)
            solver.add([-active, *(-literal if literal in true else literal for literal in open_)])
        solver.add([-active])

    def _ready(self) -> _Solver:
        if self._solver is None:
            self._solver = _Solver(self._clauses)
            self._clauses = []
        for id in tuple(self._values)[self._preferred :]:
            known = self._values[id]
            self._solver.prefer(known[self._attributes[id].default], *known.values())
        self._preferred = len(self._values)
        return self._solver


class _Solver:
    """The library's solver, with types, and every variable known to it."""

    def __init__(self, clauses: list[list[int]]) -> None:
        from pysat.solvers import Minisat22

        self._kept = Minisat22(bootstrap_with=clauses)

    def prefer(self, default: int, *values: int) -> None:
        """Try the default first."""
        self._kept.set_phases([default, *(-value for value in values if value != default)])

    def add(self, clause: list[int]) -> None:
        self._kept.add_clause(clause)

    def solve(self, assumed: Iterable[int]) -> bool:
        return bool(self._kept.solve(assumptions=[*assumed]))

    def model(self) -> set[int]:
        return {int(literal) for literal in self._kept.get_model()}

    def core(self) -> list[int]:
        return [int(literal) for literal in self._kept.get_core() or ()]
