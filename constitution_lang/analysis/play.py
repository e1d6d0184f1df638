"""Who stands against whom, as propositions: the ground of all questions about cases."""

from __future__ import annotations

from itertools import product

from constitution_lang.ir.cases import space_of
from constitution_lang.ir.groups import governing_groups, groups
from constitution_lang.ir.model import Bundle, Tension

__all__ = ["Play", "where"]


class Play:
    """A bundle's groups of principles (`ir.groups`) as propositions."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.space = space_of(bundle)
        self.groups = groups(bundle)
        self.category = {group: members[0].category for group, members in self.groups.items()}
        literal = self.space.literal
        self.applies = {g: self.space.any_of(literal(p.applies) for p in ps) for g, ps in self.groups.items()}
        """Whether some principle of the group applies."""
        self.pairs = self._pairs()
        """The groups that a tension governs: one of its first side, one of its second."""
        self._acts: dict[str, int] = {}

    def _pairs(self) -> dict[str, list[tuple[str, str]]]:
        pairs: dict[str, list[tuple[str, str]]] = {}
        for pair, tension in governing_groups(self.bundle).items():
            pairs.setdefault(tension.id, []).append(pair)
        return pairs

    def both(self, pair: tuple[str, str]) -> int:
        """Whether two groups are both in play."""
        return self.space.all_of((self.applies[pair[0]], self.applies[pair[1]]))

    def acts(self, tension: Tension) -> int:
        """Whether a tension has something to decide: two principles that it governs both apply."""
        known = self._acts.get(tension.id)
        if known is None:
            known = self._acts[tension.id] = self.space.any_of(self.both(p) for p in self.pairs.get(tension.id, ()))
        return known

    def meets(self, tension: Tension) -> int:
        """Whether principles of both sides of a tension apply, also where a more special one decides between them."""
        return self.space.any_of(self.both(pair) for pair in self._against(tension))

    def taken(self, tension: Tension, *where: int) -> tuple[str, ...]:
        """The other tensions that in some case of `where` decide between principles of this one's sides, by id."""
        governing = governing_groups(self.bundle)
        found: set[str] = set()
        for pair in self._against(tension):
            by = governing.get(pair) or governing[pair[::-1]]
            if by.id not in found | {tension.id} and self.space.possible(self.both(pair), *where):
                found.add(by.id)
        return tuple(sorted(found))

    def empty(self, tension: Tension) -> tuple[str, ...]:
        """The sides of a tension that no principle belongs to."""
        return tuple(side for side in tension.sides if not self._side(side))

    def _against(self, tension: Tension) -> list[tuple[str, str]]:
        first, second = (self._side(side) for side in tension.sides)
        return [pair for pair in product(first, second) if pair[0] != pair[1]]

    def _side(self, side: str) -> list[str]:
        return [g for g, category in self.category.items() if side in (category, g)]

    def unusual(self, case: dict[str, str]) -> dict[str, str]:
        """Of a case what is not the default: all that a `case` line has to say."""
        return {a.id: case[a.id] for a in self.bundle.attributes if case[a.id] != a.default}

    def asks(self) -> bool:
        """Whether anything depends on the case."""
        return self.space.asks()


def where(play: Play, case: dict[str, str]) -> str:
    """A case in the words of a message."""
    unusual = play.unusual(case)
    if unusual:
        return f"where {', '.join(f'{id} is {value}' for id, value in unusual.items())}"
    return "where every attribute has its default" if play.asks() else "in every case"
