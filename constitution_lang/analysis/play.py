"""Who stands against whom, as propositions: the ground of all questions about cases."""

from __future__ import annotations

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

    def category_applies(self, category: str) -> int:
        """Whether some principle of a category applies."""
        return self.space.any_of(self.applies[g] for g, of in self.category.items() if of == category)

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
