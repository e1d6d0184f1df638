"""Two versions of a constitution, made at random as texts, so that everything is compiled as it would be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

ATTRIBUTES = {"one": ("a", "b", "c"), "two": ("a", "b"), "three": ("x", "y")}
PRINCIPLES = ("u.p", "u.q", "v.p", "v.q", "w.p")
CATEGORIES = ("u", "v", "w")
NEW = ("x.n", "x.m", "u.n")
"""Principles that an edit may add; `x` is a category of its own."""
NEW_PAIRS = (("u", "x"), ("v", "x.n"), ("u.n", "v"))
FINER = (("u.p", "v"), ("u.p", "w"), ("u", "v.p"), ("u", "w.p"), ("u.q", "v.q"), ("v.p", "w"), ("u.p", "v.q"))
"""Sides to which an edit may move a tension, or a copy of one: of the same principles, in part."""
PAIRS = (("u", "v"), ("u", "w"), ("u.p", "v.p"), ("u.q", "w.p"), ("v", "w"))
EVIDENCE = (
    ("orders", "first"), ("decided", "75%"), ("decided", "75.01%"), ("decided", "90%"), ("reasoning", "yes"),
    ("clamp", "30% to 70%"),
)  # fmt: skip
TEMPLATE = "{{% user %}}{} {{{{ prompt }}}} {{{{ response }}}} {{{{ critique_request }}}}{{% enduser %}}\n"
WORDS = ("be", "kind", "safe", "true", "short", "plain", "fair")


@dataclass(frozen=True)
class Text:
    """A constitution in parts. Rules are pairs of a condition and an outcome; None is `otherwise`."""

    version: str = "1.0.0"
    title: str = "A house"
    weights: dict[str, int] = field(default_factory=dict)
    applies: dict[str, str] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    tensions: dict[str, tuple[tuple[str, str], tuple[tuple[str | None, str], ...]]] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(ATTRIBUTES))
    defaults: dict[str, str] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    rounds: int = 2
    draw: int = 1
    votes: int = 2
    requests: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of a principle one request of its own: which, and its text."""
    said: dict[str, str] = field(default_factory=dict)
    """Statements of categories."""
    questions: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    promised: dict[str, int] = field(default_factory=dict)
    template: str = ""
    added: tuple[str, ...] = ()
    """Of `NEW`, those that are there."""
    levels: tuple[str, ...] = ()
    """Attributes whose values are levels."""

    def files(self) -> dict[str, str]:
        """What stands beside the file."""
        return {"critique.j2": TEMPLATE.format(self.template)} if self.template else {}

    def text(self, *, turned: bool = False) -> str:
        """The file; with `turned` its blocks in the reverse order, with comments between them."""
        blocks = [
            f'attribute {id} "{self.questions.get(id, id)}?"\n'
            f"{self._values(id, v)}\n  default: {self.defaults.get(id, v[0])}\n"
            for id, v in self.values.items()
        ]
        blocks += [self._category(c) for c in self._categories()]
        blocks += [self._principle(p) for p in PRINCIPLES if p not in self.retired]
        blocks += [self._principle(p) for p in self.added]
        known = {*self._categories(), *PRINCIPLES, *self.added}
        blocks += [self._tension(id) for id in self.tensions if set(self.tensions[id][0]) <= known]
        blocks += [f"retired principle {p} since {self.version}\n" for p in self.retired]
        blocks.append(f"sampling revision\n  rounds: {self.rounds}\n  draw: {self.draw}\n")
        evidence = "".join(f"  {key}: {value}\n" for key, value in self.evidence.items())
        blocks.append(f"sampling preference\n  draw: {self.votes}\n{evidence}")
        blocks += [self._example(id) for id in self.examples if id not in self.retired]
        if self.template:
            blocks.append('template critique from "critique.j2"\n')
        if turned:
            blocks = [f"# A remark.\n{block}" for block in reversed(blocks)]
        return f'edition 2026\nconstitution house {self.version} "{self.title}"\n\n' + "\n".join(blocks)

    def _categories(self) -> tuple[str, ...]:
        return (*CATEGORIES, "x") if any(id.startswith("x.") for id in self.added) else CATEGORIES

    def _values(self, id: str, values: tuple[str, ...]) -> str:
        return f"  levels: {' < '.join(values)}" if id in self.levels else f"  one of: {', '.join(values)}"

    def _category(self, id: str) -> str:
        statement = f"  statement:\n    {self.said[id]}.\n" if id in self.said else ""
        promise = f"  share: at most {self.promised[id]}%\n" if id in self.promised else ""
        return f'category {id} "{id.upper()}"\n  weight: {self.weights.get(id, 1)}\n{promise}{statement}'

    def _example(self, id: str) -> str:
        lines = [f"example {self.renamed.get(id, id)}"]
        for key in ("prompt", "response", "critique", "revision"):
            lines += [f"  {key}:", f"    {key} {self.examples[id]}."]
        return "\n".join([*lines, ""])

    def _principle(self, id: str) -> str:
        now = self.renamed.get(id, id)
        lines = [f'principle {now} "{self.titles.get(id, id)}"']
        if now != id:
            lines.append(f"  formerly: {id}")
        if self.applies.get(id):
            lines.append(f"  applies when {self.applies[id]}")
        lines.append(f"  weight: {self.weights.get(id, 1)}")
        if id in self.sources:
            lines.append(f'  source: "{self.sources[id]}"')
        lines += ["  statement:", f"    Always {self.statements.get(id, id)}."]
        if id in self.requests:
            lines += [f"  {self.requests[id][0]}:", f"    Do {self.requests[id][1]}."]
        return "\n".join([*lines, ""])

    def _tension(self, id: str) -> str:
        (first, second), rules = self.tensions[id]
        first, second = (self.renamed.get(side, side) for side in (first, second))
        lines = [f"tension {id}", f"  between {first} and {second}"]
        for condition, outcome in rules:
            said = outcome.replace("FIRST", first).replace("SECOND", second)
            lines.append(f"  otherwise: {said}" if condition is None else f"  when {condition}: {said}")
        return "\n".join([*lines, ""])


leaves = st.sampled_from(sorted(ATTRIBUTES)).flatmap(
    lambda name: st.builds(
        "{} is{} {}".format, st.just(name), st.sampled_from(("", " not")), st.sampled_from(ATTRIBUTES[name])
    )
)
conditions = st.one_of(
    leaves,
    st.builds("{} {} {}".format, leaves, st.sampled_from(("and", "or")), leaves),
    st.builds("not ({})".format, leaves),
)
outcomes = st.sampled_from(
    (
        "prefer FIRST",
        "prefer SECOND",
        "abstain",
        "weigh FIRST 2, SECOND 1",
        "weigh FIRST 1, SECOND 3",
        "weigh FIRST 1, SECOND 1",
    )
)
rules = st.tuples(st.lists(st.tuples(conditions, outcomes), max_size=2), outcomes).map(
    lambda made: (*made[0], (None, made[1]))
)
weights = st.integers(1, 4)
statements = st.lists(st.sampled_from(WORDS), min_size=2, max_size=4).map(" ".join)


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """A version."""
    chosen = draw(st.lists(st.sampled_from(range(len(PAIRS))), unique=True, max_size=3))
    return Text(
        weights={id: draw(weights) for id in (*CATEGORIES, *PRINCIPLES)},
        applies={id: draw(st.one_of(st.just(""), conditions)) for id in PRINCIPLES},
        statements={id: draw(statements) for id in PRINCIPLES},
        tensions={f"t{i}": (PAIRS[i], draw(rules)) for i in chosen},
    )


@st.composite
def edits(draw: st.DrawFn, text: Text) -> Text:  # noqa: C901, PLR0912, PLR0915 - one kind of edit in a case
    """The next version: some edits, or none."""
    for _ in range(draw(st.integers(0, 3))):
        id = draw(st.sampled_from(PRINCIPLES))
        match draw(st.integers(0, 24)):
            case 0:
                text = replace(text, weights={**text.weights, draw(st.sampled_from((*CATEGORIES, id))): draw(weights)})
            case 1:
                text = replace(text, applies={**text.applies, id: draw(conditions)})
            case 2:
                text = replace(text, statements={**text.statements, id: draw(statements)})
            case 3:
                at = draw(st.integers(0, len(PAIRS) - 1))
                text = replace(text, tensions={**text.tensions, f"t{at}": (PAIRS[at], draw(rules))})
            case 4:
                text = replace(text, titles={**text.titles, id: draw(statements)})
            case 5:
                text = replace(text, sources={**text.sources, id: draw(statements)}, title=draw(statements))
            case 6 if not any(id in text.tensions[t][0] for t in text.tensions) and len(text.retired) < 3:
                text = replace(text, retired=(*{*text.retired, id},))
            case 7:
                text = replace(text, renamed={**text.renamed, id: f"{id}-now"})
            case 8:
                text = replace(text, rounds=draw(st.integers(1, 3)), votes=draw(st.integers(1, 4)))
            case 9:
                one = draw(st.sampled_from(sorted(ATTRIBUTES)))
                text = replace(text, defaults={**text.defaults, one: draw(st.sampled_from(ATTRIBUTES[one]))})
            case 10:
                field = draw(st.sampled_from(("critique", "revise", "prefer")))
                text = replace(text, requests={**text.requests, id: (field, draw(statements))})
            case 11:
                text = replace(text, said={**text.said, draw(st.sampled_from(CATEGORIES)): draw(statements)})
            case 12:
                text = replace(
                    text, questions={**text.questions, draw(st.sampled_from(sorted(ATTRIBUTES))): draw(statements)}
                )
            case 13:
                text = replace(text, evidence={**text.evidence, **dict([draw(st.sampled_from(EVIDENCE))])})
            case 14:
                text = replace(text, examples={**text.examples, id: draw(statements)})
            case 15:
                text = replace(text, template=draw(statements))
            case 16:
                values = draw(st.permutations((*ATTRIBUTES["one"], *draw(st.sampled_from(((), ("d",)))))))
                defaults = {"one": text.defaults.get("one", "a"), **text.defaults}
                text = replace(text, values={**text.values, "one": tuple(values)}, defaults=defaults)
            case 17:
                to = draw(st.sampled_from(CATEGORIES))
                text = replace(text, renamed={**text.renamed, id: f"{to}.{id.replace('.', '-')}"})
            case 18:
                text = replace(
                    text, promised={**text.promised, draw(st.sampled_from(CATEGORIES)): draw(st.integers(90, 100))}
                )
            case 19 | 20:
                new = draw(st.sampled_from(NEW))
                text = replace(
                    text,
                    added=tuple(dict.fromkeys((*text.added, new))),
                    weights={**text.weights, draw(st.sampled_from((new, "x"))): draw(weights)},
                    applies={**text.applies, new: draw(st.one_of(st.just(""), conditions))},
                    statements={**text.statements, new: draw(statements)},
                )
            case 21 if text.added:
                at = draw(st.integers(0, len(NEW_PAIRS) - 1))
                text = replace(text, tensions={**text.tensions, f"n{at}": (NEW_PAIRS[at], draw(rules))})
            case 22:
                text = replace(text, levels=tuple({*text.levels, draw(st.sampled_from(sorted(ATTRIBUTES)))}))
            case 23 | 24 if text.tensions:
                moved = draw(st.sampled_from(sorted(text.tensions)))
                finer = draw(st.integers(0, len(FINER) - 1))
                to = moved if draw(st.booleans()) else f"f{finer}"
                text = replace(text, tensions={**text.tensions, to: (FINER[finer], text.tensions[moved][1])})
            case _:
                pass
    return text
