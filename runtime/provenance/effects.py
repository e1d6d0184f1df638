"""What another constitution does to rows, draws, principles and cases: counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from constitution_lang.ir.cases import applicable, decisions
from constitution_lang.ir.model import Bundle, Stage
from runtime.provenance.history import History
from runtime.provenance.redone import Draws, Fate, Redone, RowFate
from runtime.provenance.staleness import CaseMoved, Counts, Moved, PrincipleStale, Reason
from runtime.records import Draw

__all__ = ["cases_moved", "count", "draws_moved", "principles_stale", "reasons"]


def count(rows: Iterable[RowFate]) -> Counts:
    """Rows by their fate."""
    listed = list(rows)
    return Counts(**Counter(row.fate.value for row in listed), votes=sum(row.votes for row in listed))


def reasons(rows: Iterable[RowFate]) -> tuple[Reason, ...]:
    """Why rows are not the same, the commonest reason first."""
    counted = Counter(row.why for row in rows if row.fate is not Fate.SAME)
    return tuple(Reason(why, n) for why, n in sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def draws_moved(history: History, redone: Redone) -> Iterator[Moved]:
    """Draws of each stage that are not drawn any more."""
    before = {
        Stage.REVISION: [d for ds in history.revision_draws.values() for d in ds],
        Stage.PREFERENCE: [d for ds in history.preference_draws.values() for d in ds],
    }
    after = {Stage.REVISION: redone.revision_draws, Stage.PREFERENCE: redone.preference_draws}
    for stage, draws in before.items():
        known = [d for d in draws if d.prompt in redone.cases]
        now = _keys(redone.bundle, (d for ds in after[stage].values() for d in ds))
        gone = _keys(history.bundle, known) - now
        yield Moved(stage, len(draws), gone.total(), len(draws) - len(known))


def _keys(bundle: Bundle, draws: Iterable[Draw]) -> Counter[tuple[str, int, str]]:
    """Draws by prompt, round and the key of the principle, which a rename leaves alone."""
    return Counter((d.prompt, d.round, bundle.principle(d.principle).key) for d in draws)


def principles_stale(history: History, redone: Redone, fates: Sequence[RowFate]) -> Iterator[PrincipleStale]:
    """Every principle that something changes for. `fates` are the rows to count."""
    old, new = history.bundle, redone.bundle
    names = {p.key: p.id for p in new.principles}
    now = {p.id: names.get(p.key, p.id) for p in old.principles}
    before = Counter(now[d.principle] for d in _all_draws(history))
    after = Counter(d.principle for draws in _after(redone) for ds in draws.values() for d in ds)
    unknown = Counter(now[d.principle] for d in _all_draws(history) if d.prompt not in redone.cases)
    words = _other_words(old, new, now)
    rows: dict[str, list[RowFate]] = {}
    for fate in fates:
        said = [] if fate.before is None else [now.get(p, p) for p in fate.before.principles]
        for id in dict.fromkeys([*said, *(() if fate.after is None else fate.after.principles)]):
            rows.setdefault(id, []).append(fate)
    for id in sorted(dict.fromkeys((*now.values(), *(p.id for p in new.principles)))):
        counts = count(rows.get(id, ()))
        if before[id] != after[id] or id in words or counts.total != counts.same:
            yield PrincipleStale(
                id=id, drawn_before=before[id], drawn_after=after[id], drawn_unknown=unknown[id],
                prompts=words.get(id, ()), rows=counts,
            )  # fmt: skip


def _all_draws(history: History) -> Iterator[Draw]:
    for draws in (history.revision_draws, history.preference_draws):
        for ds in draws.values():
            yield from ds


def _after(redone: Redone) -> tuple[Draws, Draws]:
    return redone.revision_draws, redone.preference_draws


def _other_words(old: Bundle, new: Bundle, now: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Prompts whose text is not what it was, by principle: kinds and variants that both versions have."""
    was = {(p.kind, now[p.principle], p.over): p.hash for p in old.prompts if p.principle is not None}
    found: dict[str, tuple[str, ...]] = {}
    for prompt in new.prompts:
        if prompt.principle is not None:
            hash = was.get((prompt.kind, prompt.principle, prompt.over))
            if hash is not None and hash != prompt.hash:
                found[prompt.principle] = (*found.get(prompt.principle, ()), prompt.id)
    return found


def cases_moved(history: History, redone: Redone) -> Iterator[CaseMoved]:
    """What applies and what is decided otherwise, over the prompts of the data."""
    counted: Counter[str] = Counter()
    said: dict[tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], list[str]] = {}
    for prompt in history.train:
        if prompt.id not in redone.cases:
            counted[redone.unknown[prompt.id]] += 1
            continue
        before, after = history.cases[prompt.id].mapping, redone.cases[prompt.id].mapping
        key = tuple(before.items()), tuple(after.items())
        if key not in said:
            said[key] = list(_says(history.bundle, redone.bundle, before, after))
        counted.update(said[key])
    for says, prompts in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        yield CaseMoved(says, prompts)


def _says(old: Bundle, new: Bundle, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for attribute in sorted(before.keys() & after.keys()):
        if before[attribute] != after[attribute]:
            yield f"{attribute} is {after[attribute]}, not {before[attribute]}"
    names = {p.key: p.id for p in new.principles}
    was = {names.get(p.key, p.id) for p in applicable(old, before)}
    now = {p.id for p in applicable(new, after)}
    yield from (f"{id} newly applies" for id in sorted(now - was))
    yield from (f"{id} no longer applies" for id in sorted(was - now))
    outcomes = [
        {d.tension.id: msgspec.json.encode(d.rule.outcome).decode() for d in decisions(bundle, case)}
        for bundle, case in ((old, before), (new, after))
    ]
    for id in sorted(outcomes[0].keys() | outcomes[1].keys()):
        if outcomes[0].get(id) != outcomes[1].get(id):
            yield f"tension {id} decides otherwise"
