"""What a difference says is so: on versions made at random, against looking at every case, prompt and draw."""

from __future__ import annotations

from itertools import combinations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from constitution_lang.diff.compare import diff
from constitution_lang.diff.counts import Direction
from constitution_lang.diff.model import Aspect, Change, Grade, Mark, SubjectKind, Work
from constitution_lang.diff.pairing import Pairing, pair
from constitution_lang.diff.wording import text_of_prompt
from constitution_lang.ir.cases import applicable, cases, decisions, yields
from constitution_lang.ir.model import Bundle, Prefer, Stage, Weigh
from constitution_lang.sampling import draws, moved, weights
from runtime.records import Vote
from runtime.stages.evidence import label_of
from tests.constitution_lang.diff.versions import Text, edits, texts
from tests.constitution_lang.texts import bundle_of, compiled

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@st.composite
def versions(draw: st.DrawFn) -> tuple[Bundle, Bundle]:
    old = draw(texts())
    new = draw(edits(old))
    compilations = compiled(old.text(), old.files()), compiled(new.text(), new.files())
    assume(all(c.bundle is not None for c in compilations))
    one, other = (c.bundle for c in compilations)
    assert one is not None
    assert other is not None
    return one, other


@quick
@given(data=st.data())
def test_nothing_differs_from_itself(data: st.DataObject) -> None:
    text = data.draw(texts())
    bundle = compiled(text.text()).bundle
    assume(bundle is not None)  # preferences may go round in a circle
    assert bundle is not None
    found = diff(bundle, bundle)
    assert found.changes == ()
    assert (found.grade, found.cases, found.movement, found.shares) == (None, None, (), ())
    turned = diff(bundle, bundle_of(text.text(turned=True)))
    assert [(c.grade, c.aspect) for c in turned.changes] == [(Grade.COSMETIC, Aspect.TEXT)]
    assert (turned.cases, turned.movement, turned.shares) == (None, (), ())


@quick
@given(data=st.data())
def test_layout_and_the_places_of_blocks_never_show(data: st.DataObject) -> None:
    text = data.draw(texts())
    old = compiled(text.text())
    assume(old.bundle is not None)
    turned = text.text(turned=data.draw(st.booleans())).replace("# A remark.\n", "")
    loose = turned.replace("\n\n", "\n\n\n").replace(": ", ":  ")
    new = compiled(loose)
    assert old.bundle is not None
    assert new.bundle is not None
    assert diff(old.bundle, new.bundle, (old.trees, new.trees)).changes == ()
    remarked = compiled(text.text() + "\n# A remark.\n")
    assert remarked.bundle is not None
    [change] = diff(old.bundle, remarked.bundle, (old.trees, remarked.trees)).changes
    assert change.grade is Grade.COSMETIC


def shared(both: tuple[Bundle, Bundle]) -> list[dict[str, str]]:
    """Every case of the values that both versions know."""
    known = {a.id: set(a.values) for a in both[0].attributes}
    return list(
        cases(
            structs.replace(a, values=tuple(v for v in a.values if v in known.get(a.id, a.values)))
            for a in both[1].attributes
        )
    )


@quick
@given(both=versions())
def test_what_no_change_tells_is_as_it_was(both: tuple[Bundle, Bundle]) -> None:
    """A prompt, a draw and a label is another one only where a change above metadata says that this work is stale.

    What is told of draws covers what follows from those that move.
    """
    old, new = both
    found = diff(old, new)
    assert all(
        (c.grade is Grade.COSMETIC) == (len(found.changes) == 1 and c.aspect is Aspect.TEXT) for c in found.changes
    )
    assert all(not c.stale for c in found.changes if c.grade < Grade.MIX)
    assert len({c.id for c in found.changes}) == len(found.changes)
    stale = {s.work for c in found.changes for s in c.stale}
    reworded = {id for c in found.changes if c.grade >= Grade.WORDING for text in c.prompts for id in text.new}
    pairing = pair(old, new)
    back = {p.hash for p in old.prompts}
    other = {p.id for p in new.prompts if p.hash not in back} - reworded
    if other:  # prompts for which there was no occasion before
        assert found.grade is not None
        assert found.grade >= Grade.BEHAVIOUR
    for case in shared(both):
        for stage in Stage:
            for prompt in ("first", "second", "third"):
                before, after = (draws(bundle, 7, stage, prompt, case) for bundle in both)
                if named(before, pairing) != [[p.id for p in drawn] for drawn in after]:
                    assert stale & {Work.DRAWS, Work.REVISIONS}
        if said_before(old, case, pairing) != said_before(new, case, None):
            assert stale & {Work.CRITIQUES, Work.REVISIONS}
        one, two = labels(both, case, pairing)
        if one != two:
            assert Work.LABELS in stale


@st.composite
def edited_twice(draw: st.DrawFn) -> tuple[Bundle, Bundle, Bundle]:
    """A version, an edit of it, and that edit with more."""
    old = draw(texts())
    new = draw(edits(old))
    later = draw(edits(new))
    compilations = [compiled(text.text(), text.files()) for text in (old, new, later)]
    assume(all(c.bundle is not None for c in compilations))
    one, other, third = (c.bundle for c in compilations)
    assert one is not None
    assert other is not None
    assert third is not None
    return one, other, third


@quick
@given(three=edited_twice())
def test_an_approval_covers_nothing_that_comes_after(three: tuple[Bundle, Bundle, Bundle]) -> None:
    """Where the approvals of one edit are all that another one needs, the two are the same to a run."""
    old, approved, later = three
    given, needed = (
        {c.fingerprint for c in diff(old, version).changes if c.grade >= Grade.MIX} for version in (approved, later)
    )
    if given == needed:
        assert all(change.grade < Grade.MIX for change in diff(approved, later).changes)


def said_before(bundle: Bundle, case: dict[str, str], pairing: Pairing | None) -> dict[str, tuple[str, ...]]:
    """Of each principle that both versions have, the sides that its prompts say come first."""
    name = pairing.side if pairing else str
    found = {name(p.id): tuple(sorted(map(name, yields(bundle, p, case)))) for p in applicable(bundle, case)}
    return {id: over for id, over in found.items() if over}


def named(drawn: tuple[tuple[object, ...], ...], pairing: Pairing) -> list[list[str]]:
    return [[pairing.side(p.id) for p in round] for round in drawn]  # type: ignore[attr-defined]


def labels(both: tuple[Bundle, Bundle], case: dict[str, str], pairing: Pairing) -> list[list[object]]:
    """The labels that each version makes of the same votes, as many of them as are drawn."""
    back = {new: old for old, new in pairing.names.items()}
    ids = [p.id for p in applicable(both[1], case) if p.id in pairing.principles]
    drawn = min(len(ids), *(bundle.preference.draw for bundle in both))
    found = []
    for bundle, name in ((both[0], lambda new: back.get(new, new)), (both[1], str)):
        made: list[object] = []
        for some in combinations(enumerate(ids), drawn):
            votes = [vote(name(id), (-1) ** at * (0.4 + at)) for at, id in some]
            label = label_of(bundle, case, "pair", votes)
            made.append((label.outcome, label.probability))
        found.append(made)
    return found


def vote(principle: str, log_odds: float) -> Vote:
    return Vote(comparison="pair", principle=principle, log_odds=log_odds)


@quick
@given(both=versions())
def test_cases_are_counted_as_enumeration_counts_them(both: tuple[Bundle, Bundle]) -> None:
    old, new = both
    found = diff(old, new)
    pairing = pair(old, new)
    every = shared(both)
    for change in found.changes:
        if change.cases is None:
            continue
        if change.aspect is Aspect.DEFAULT:
            check_default(change, new)
            continue
        assert change.cases.total == len(every)
        assert change.cases.changed == sum(c.count or 0 for c in change.cases.changes)
        if change.subject.kind is SubjectKind.PRINCIPLE and change.aspect is not Aspect.MOVED:
            assert change.cases.changed == sum(
                applies(change, old, c, pairing) != applies(change, new, c, None) for c in every
            )
    differing = [case for case in every if decided(old, case, pairing) != decided(new, case, None)]
    counted = 0 if found.cases is None else found.cases.changed
    # A tension whose rules differ where it has nothing to decide in one version only is told with the cases of both.
    assert counted is not None
    assert counted >= len(differing)
    if counted == 0:
        assert differing == []


def check_default(change: Change, bundle: Bundle) -> None:
    """Another default moves the prompts that are not known from one value to the other, whatever else they are."""
    others = [a for a in bundle.attributes if a.id != change.subject.id]
    rest = list(cases(others))
    values = change.before, change.after
    differing = sum(
        len({repr(decided(bundle, {**case, change.subject.id: value}, None)) for value in values}) > 1 for case in rest
    )
    assert change.cases is not None
    assert change.cases.total == len(rest)
    assert change.cases.changed is not None
    assert change.cases.changed >= differing
    assert (change.cases.changed == 0) == (differing == 0)
    assert bool(change.stale) == bool(differing)


def applies(change: Change, bundle: Bundle, case: dict[str, str], pairing: Pairing | None) -> bool:
    ids = {pairing.side(p.id) if pairing else p.id for p in applicable(bundle, case)}
    return change.subject.id in ids


def decided(bundle: Bundle, case: dict[str, str], pairing: Pairing | None) -> object:
    """Who applies, and what is decided between any two of them, in the names of the new version."""
    name = pairing.side if pairing else str
    outcomes = set()
    for decision in decisions(bundle, case):
        outcome = decision.rule.outcome
        for first, second in decision.pairs:
            ids = name(first), name(second)
            told: object = type(outcome)
            if isinstance(outcome, Prefer):
                told = ids[decision.tension.sides.index(outcome.side)]
            if isinstance(outcome, Weigh):
                if outcome == Weigh(1.0, 1.0):
                    continue
                told = tuple(sorted(zip(ids, (outcome.first, outcome.second), strict=True)))
            outcomes.add((tuple(sorted(ids)), told))
    return sorted(name(p.id) for p in applicable(bundle, case)), sorted(outcomes, key=repr)


@quick
@given(both=versions())
def test_witnesses(both: tuple[Bundle, Bundle]) -> None:
    """Each witness of each direction is evaluated again by both versions."""
    old, new = both
    pairing = pair(old, new)
    for change in diff(old, new).changes:
        for told in change.cases.changes if change.cases else ():
            case = dict(told.witness)
            if change.subject.kind is SubjectKind.PRINCIPLE and change.aspect is not Aspect.MOVED:
                before, after = applies(change, old, case, pairing), applies(change, new, case, None)
                assert (before, after) == (told.direction is Direction.LOOSER, told.direction is Direction.STRICTER)
            elif change.subject.kind is SubjectKind.TENSION and "together" not in told.says:
                if sides(old, change, pairing) == sides(new, change, None):
                    assert outcome(old, change, case, pairing) != outcome(new, change, case, None)
                else:  # new or gone, or of other sides: what it decides may be the same, and of whom is not
                    before, after = (
                        (decided(bundle, case, names), said_before(bundle, case, names))
                        for bundle, names in ((old, pairing), (new, None))
                    )
                    assert before != after


def sides(bundle: Bundle, change: Change, pairing: Pairing | None) -> list[str]:
    """Of the tension in this version; none where it is not there."""
    name = pairing.side if pairing else str
    return [side for t in bundle.tensions if t.id == change.subject.id for side in sorted(map(name, t.sides))]


def outcome(bundle: Bundle, change: Change, case: dict[str, str], pairing: Pairing | None) -> object:
    from constitution_lang.ir.cases import decide

    tension = next(t for t in bundle.tensions if t.id == change.subject.id)
    found = decide(tension, case)[1].outcome
    side = pairing.side if pairing else str
    return side(found.side) if isinstance(found, Prefer) else found


@quick
@given(both=versions())
def test_marked_words_are_those_of_both_prompts(both: tuple[Bundle, Bundle]) -> None:
    old, new = both
    found = diff(old, new)
    before = {p.id: text_of_prompt(p) for p in old.prompts}
    after = {p.id: text_of_prompt(p) for p in new.prompts}
    told = set()
    for change in found.changes:
        for text in change.prompts:
            was = "".join(s.text for s in text.segments if s.mark is not Mark.NEW)
            now = "".join(s.text for s in text.segments if s.mark is not Mark.OLD)
            if change.subject.kind in {SubjectKind.TEMPLATE, SubjectKind.EXEMPLAR}:  # shown in one prompt for all
                assert all(s.text in before[id] for s in text.segments for id in text.old if s.mark is Mark.OLD)
                assert all(s.text in after[id] for s in text.segments for id in text.new if s.mark is Mark.NEW)
            else:
                assert all(was in before[id] for id in text.old)
                assert all(now in after[id] for id in text.new)
            told |= set(text.new)
            assert change.grade >= Grade.WORDING
    hashes = {p.id: p.hash for p in old.prompts}
    names = {now: was for was, now in found.renamed}
    for prompt in new.prompts:
        was = old_id(prompt.id, names)
        if was in hashes:
            assert (prompt.hash != hashes[was]) == (prompt.id in told)


def old_id(id: str, names: dict[str, str]) -> str:
    kind, _, rest = id.partition("/")
    subject, plus, over = rest.partition("+over:")
    sides = sorted(names.get(side, side) for side in over.split(","))
    return f"{kind}/{names.get(subject, subject)}{plus}{','.join(sides)}" if rest else id


@quick
@given(both=versions())
def test_movement_is_the_closed_form_in_every_case(both: tuple[Bundle, Bundle]) -> None:
    old, new = both
    found = diff(old, new)
    told = next((m for m in found.movement if m.stage is Stage.REVISION), None)
    shares = []
    for case in shared(both):
        p, q = ({b.principle(id).key: w for id, w in weights(b, case).items()} for b in both)
        shares.append(moved(p, q))
    if told is None:
        assert max(shares) < 1e-6
        return
    assert told.exact
    assert abs(told.greatest.share - max(shares)) < 1e-9
    assert abs(told.least.share - min(shares)) < 1e-9


def test_an_edit_of_each_kind_has_its_grade() -> None:
    base = Text(applies={"u.p": "one is a"}, tensions={"t0": (("u", "v"), ((None, "prefer FIRST"),))})
    graded = {
        Grade.METADATA: Text(**{**vars_of(base), "titles": {"u.p": "another"}}),
        Grade.MIX: Text(**{**vars_of(base), "weights": {"u": 3}}),
        Grade.WORDING: Text(**{**vars_of(base), "statements": {"u.p": "fair and plain"}}),
        Grade.BEHAVIOUR: Text(**{**vars_of(base), "applies": {"u.p": "one is b"}}),
    }
    for grade, text in graded.items():
        assert grade_of(base, text) is grade
    gone = base.text().replace("principle w.p", "principle w.other")
    assert diff(bundle_of(base.text()), bundle_of(gone)).grade is Grade.IDENTITY


def vars_of(text: Text) -> dict[str, object]:
    return {name: getattr(text, name) for name in text.__dataclass_fields__}


def grade_of(old: Text, new: Text) -> Grade | None:
    return diff(bundle_of(old.text()), bundle_of(new.text())).grade
