"""Published data sets: their files, cards and constitutions, against the ledger's rows or against one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.codec import BundleError, loads, verify
from constitution_lang.ir.model import Bundle
from runtime.datasets.cards import BUNDLE_ENDING, CARD_ENDING, DataCard, read_data_card
from runtime.datasets.errors import DataError
from runtime.datasets.rows import encode_rows, in_order, read_rows, rows_hash
from runtime.provenance.history import History
from runtime.provenance.misfits import Difference, Misfit, difference, shown
from runtime.provenance.rows import row_misfits
from runtime.records import LabelOutcome, PreferenceRow, SftRow, identify
from runtime.steps.publish import review_bytes, schema_metadata

__all__ = ["KINDS", "data_sets", "missing_sets", "published_misfits", "review_misfits"]

KINDS: dict[str, type[SftRow | PreferenceRow]] = {"sft": SftRow, "preference": PreferenceRow}
"""The data sets that a run publishes, by name."""

_ENDINGS = (".jsonl", ".parquet")


def data_sets(folder: Path) -> list[str]:
    """Names of the data sets in a folder, whether with a card or without."""
    return [name for name in KINDS if any((folder / (name + e)).exists() for e in (*_ENDINGS, CARD_ENDING))]


def published_misfits(folder: Path, name: str, history: History | None) -> Iterator[Misfit]:
    """All that does not fit about one data set: its rows first, then the constitution, then the card.

    Without a history the rows are those of the file that has the card's hash of them. Where none has it, each file is
    looked at by itself, and then they are held against one another.
    """
    kind: Any = KINDS[name]
    path = folder / (name + CARD_ENDING)
    try:
        card = read_data_card(path)
    except DataError as error:
        yield _whole(path, "card", str(error), "a card of the data set")
        return
    files = {}
    for ending in _ENDINGS:
        file = folder / (name + ending)
        read = list(_read(file, kind))
        yield from (entry for entry in read if isinstance(entry, Misfit))
        files[file] = [entry for entry in read if not isinstance(entry, Misfit)], len(read)
    rows: list[Any] | None
    if history is None:
        rows = next((found for found, _ in files.values() if rows_hash(found) == card.content), None)
        for file, (found, _) in files.items():
            if rows is None or found is rows:
                yield from _alone(file, found, card)
    else:
        rows = in_order(history.sft if name == "sft" else history.preferences)
    for file, (found, lines) in files.items():
        if rows is None:
            rows = found
        fits = True
        for misfit in row_misfits(str(file), found, rows):
            fits = False
            yield misfit
        if fits and lines == len(found):
            yield from _bytes(file, found, rows, kind, card)
    yield from _constitution(folder, name, card, history)
    yield from _card(path, card, rows or [], history)


def missing_sets(folder: Path, history: History) -> Iterator[Misfit]:
    """The data sets that the run has rows of, and that are not there."""
    there = data_sets(folder)
    for name, rows in (("sft", history.sft), ("preference", history.preferences)):
        if rows and name not in there:
            yield _whole(folder / name, "data set", "missing", number_of(len(rows), "rows"))


def review_misfits(folder: Path, history: History) -> Iterator[Misfit]:
    """`review.jsonl` against the labels that were left to people."""
    file = folder / "review.jsonl"
    pairs = [(c, history.labels[c.id]) for c in history.pairs if c.id in history.labels]
    should = review_bytes((c, x) for c, x in pairs if x.outcome is LabelOutcome.REVIEW).splitlines()
    if not file.exists():
        if should:
            yield _whole(file, "file", "missing", f"{number_of(len(should), 'pairs')} for people to decide")
        return
    says = file.read_bytes().splitlines()
    for n, (one, other) in enumerate(zip(says, should, strict=False), 1):
        if one != other:
            found = difference(_json(one), _json(other), exact=True)
            field, said, meant = (found.field, found.says, found.should) if found else ("line", str(one), str(other))
            yield Misfit(file=str(file), row=n, kind="review", id="", field=field, says=said, should=meant)
            return
    if len(says) != len(should):
        yield _whole(file, "rows", str(len(says)), str(len(should)))


def _read(file: Path, kind: type[Any]) -> Iterator[Any]:
    """The rows of a file, and a misfit for what is none."""
    if not file.exists():
        yield _whole(file, "file", "missing", f"rows of {kind.__name__}")
        return
    if file.suffix == ".parquet":
        try:
            yield from read_rows(file, kind)
        except DataError as error:
            yield _whole(file, "content", str(error), f"rows of {kind.__name__}")
        return
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        yield _whole(file, "content", error.strerror or str(error), f"rows of {kind.__name__}")
        return
    if lines[-1] == b"":
        lines.pop()
    for n, line in enumerate(lines, 1):
        try:
            yield msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            yield Misfit(
                file=str(file), row=n, kind=kind.__name__, id="", field="line",
                says=shown(line.decode(errors="replace")), should=f"a row ({error})",
            )  # fmt: skip


def _alone(file: Path, rows: Sequence[Any], card: DataCard) -> Iterator[Misfit]:
    """What rows say of themselves: the prompt's id is of its turns, the constitution the card's."""
    for n, row in enumerate(rows, 1):
        checks = (
            ("prompt", row.prompt, identify("prompt", row.turns)),
            ("constitution", row.constitution, card.provenance.meaning_hash),
        )
        for field, says, should in checks:
            if says != should:
                yield Misfit(
                    file=str(file), row=n, kind=type(row).__name__, id=row.id, field=field, says=says, should=should
                )  # fmt: skip
    if len(rows) != card.rows:
        yield _whole(file, "rows", str(len(rows)), f"{card.rows}, as the card says")
    elif rows_hash(list(rows)) != card.content:
        yield _whole(file, "rows' hash", rows_hash(list(rows)), f"{card.content}, as the card says")


def _bytes(file: Path, found: Sequence[Any], rows: Sequence[Any], kind: type[Any], card: DataCard) -> Iterator[Misfit]:
    """The same rows in other bytes: another order, another layout, or another version of the library wrote them."""
    if list(found) != list(rows):
        yield _whole(file, "order", "rows in another order", "rows in the order of their ids")
        return
    actual = sha256(file.read_bytes()).hexdigest()
    metadata = schema_metadata(card.provenance.meaning_hash)
    if actual == sha256(encode_rows(file, rows, kind, metadata)).hexdigest():
        return
    if actual != card.files.get(file.name):
        yield _whole(file, "sha256", actual, card.files.get(file.name, "the one that the card says; it says none"))


def _constitution(folder: Path, name: str, card: DataCard, history: History | None) -> Iterator[Misfit]:
    file = folder / (name + BUNDLE_ENDING)
    try:
        body = file.read_bytes()
        bundle = loads(body)
    except FileNotFoundError:
        yield _whole(file, "file", "missing", "the compiled constitution")
        return
    except (OSError, BundleError) as error:
        yield _whole(file, "content", getattr(error, "strerror", None) or str(error), "the compiled constitution")
        return
    wrong, digest = verify(bundle), sha256(body).hexdigest()
    began = history is None or digest in history.under.bundles
    kept = None if history is None or began else _difference(bundle, history.bundle)
    if kept is not None:
        yield _whole(file, kept.field, kept.says, kept.should)
    elif wrong:
        yield _whole(file, "hashes", wrong[0], "a bundle whose hashes are those of its content")
    for field in ("meaning_hash", "metadata_hash"):
        says, should = getattr(bundle, field), getattr(card.provenance, field)
        if says != should:
            yield _whole(file, field, says, f"{should}, as the card says")
    if digest != card.files.get(file.name):
        yield _whole(file, "sha256", digest, f"{card.files.get(file.name)}, as the card says")


def _card(path: Path, card: DataCard, rows: Sequence[Any], history: History | None) -> Iterator[Misfit]:
    files = {
        file.name: sha256(file.read_bytes()).hexdigest()
        for ending in (*_ENDINGS, BUNDLE_ENDING)
        if (file := path.with_name(card.name + ending)).is_file()
    }
    digest = files.get(card.name + BUNDLE_ENDING, card.provenance.bundle_sha256)
    if history is None:
        provenance = replace(card.provenance, bundle_sha256=digest)
    else:
        provenance = history.under.of(digest, history.seed)
    should = DataCard(
        name=path.name.removesuffix(CARD_ENDING),
        provenance=provenance,
        models=card.models if history is None else history.manifest.models,
        rows=len(rows),
        content=rows_hash(list(rows)),
        files=files,
    )
    found = difference(card, should, exact=True)
    if found is not None:
        yield _whole(path, found.field, found.says, found.should)


def _difference(says: Bundle, should: Bundle) -> Difference | None:
    return difference(_without_places(says), _without_places(should), exact=True)


def _without_places(bundle: Bundle) -> object:
    """A bundle without origins and files: where its text stood is not what it says."""

    def bare(value: object) -> object:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key not in {"origin", "sources"}}
        return [bare(item) for item in value] if isinstance(value, list) else value

    return bare(msgspec.to_builtins(bundle, builtin_types=()))


def _json(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return line.decode(errors="replace")


def _whole(file: Path, field: str, says: str, should: str) -> Misfit:
    return Misfit(file=str(file), row=0, kind="file", id="", field=field, says=shown(says), should=shown(should))
