"""Benchmark: what an edit of a constitution makes a run ask anew, against what has to be asked.

    python docs/benchmarks/redo.py PROMPTS [--count 2000]          counts, on the scripted engine
    python docs/benchmarks/redo.py PROMPTS --count 64 --model smollm2-135m-instruct
                                                                   the time saved, on a real model

PROMPTS is a data set as a run file takes it. Each edit is made to a finished run, planned, run, and run once more from
nothing; the two data sets have to be the same bytes. The bound is two texts for every round from the first of a chain
on that draws another principle or carries other words, found from the two versions alone.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from constitution_lang.compile import compile_path
from constitution_lang.ir.model import Bundle, PromptKind, Stage
from constitution_lang.sampling import moved, weights
from runtime.cli import main as cai_run
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.opening import prepare
from runtime.planning.counts import answers
from runtime.planning.make import make_plan
from runtime.records import CaseRecord, Critique, Label, Revision
from runtime.stages.draws import draw_principles

REPOSITORY = Path(__file__).resolve().parents[2]
SIXTEEN = REPOSITORY / "constitutions/sixteen/sixteen.const"
HOUSE = REPOSITORY / "constitutions/house-assistant/house-assistant.const"
SEED = 7


@dataclass(frozen=True)
class Edit:
    """An edit by the texts that it replaces; `what` is for the table."""

    what: str
    replaced: tuple[tuple[str, str], ...]

    def of(self, text: str) -> str:
        """The text with it."""
        for old, new in self.replaced:
            if old not in text:
                raise ValueError(f"{self.what}: the constitution has no {old!r}")
            text = text.replace(old, new, 1)
        return text


VIOLENCE = 'principle harmless.violence "Violence"\n'
WEIGHT = Edit("one weight of sixteen raised by half", ((VIOLENCE, f"{VIOLENCE}  weight: 1.5\n"),))
WORDING = Edit(
    "one principle reworded in all stages",
    (
        ("helps with violence nor praises it", "helps with force nor praises it"),
        ("that helps with violence, praises it or", "that helps with force, praises it or"),
        ("Take out all that helps with violence", "Take out all that helps with force"),
        ("praise to violence", "praise to force"),
    ),
)
ROUNDS = Edit("rounds 4 to 5", (("rounds: 4", "rounds: 5"),))
TITLE = Edit("a title", (('"Violence"', '"Violent acts"'),))
COMMENT = Edit("a comment", (("# One value seen", "# A remark.\n# One value seen"),))
OUTCOME = Edit(
    "a rule's outcome, in cases of severity none",
    (("when severity is none: prefer helpfulness", "when severity is none: abstain"),),
)
HOUSE_TITLE = Edit("a title", (('"How our assistant behaves"', '"What our assistant does"'),))


@dataclass(frozen=True)
class Asked:
    """Answers by step that were not known."""

    revise: int
    label: int
    total: int


def base_text(path: Path, rounds: int) -> str:
    """A shipped constitution with another number of rounds."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(f"  rounds: {rounds}\n" if line.startswith("  rounds:") else line for line in lines)


def write(folder: Path, text: str, options: argparse.Namespace) -> Path:
    """A run file and its constitution."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c.const").write_text(text, encoding="utf-8")
    model = options.model or "policy"
    engine = "transformers" if options.model else "scripted"
    short = (
        "[respond]\ntokens_max = 64\n[revision]\ncritique_tokens_max = 48\nrevision_tokens_max = 64\n"
        "[sft]\nsteps_max = 4\n[preference_model]\nsteps_max = 4\n[dpo]\nsteps_max = 4\nbatch_rows = 2\n"
        "[policy]\nsteps = 2\nrollout_rows = 4\nminibatch_rows = 2\ncompletion_tokens_max = 32\n"
    )
    (folder / "run.toml").write_text(
        f'constitution = "c.const"\nseed = {SEED}\nout = "{folder / "out"}"\n'
        f'[engine]\nkind = "{engine}"\n[models]\npolicy = "{model}"\n'
        f'[prompts]\ntrain = [{{ data = "{Path(options.prompts).resolve()}", limit = {options.count} }}]\n'
        f'[pair]\npolicy = "{model}"\ntokens_max = {64 if options.model else 192}\n{short if options.model else ""}'
    )
    return folder / "run.toml"


def clock(options: argparse.Namespace) -> float:
    """Seconds on the clock where a real model works, else processor seconds, which others' work does not stretch."""
    return time.perf_counter() if options.model else time.process_time()


def run(file: Path, options: argparse.Namespace) -> float:
    """Run it, and nothing else on the screen; seconds."""
    started = clock(options)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = cai_run(["run", str(file), "--quiet"])
    if code:
        raise SystemExit(said.getvalue())
    return clock(options) - started


def asked(file: Path, known: set[str]) -> Asked:
    """What the latest run has that was not known."""
    found: dict[Step, set[str]] = {Step.REVISE: set(), Step.LABEL: set()}
    with Ledger.open(file.parent / "out/ledger.sqlite", read_only=True) as ledger:
        latest = ledger.latest_run().id
        for kind, step in ((Critique, Step.REVISE), (Revision, Step.REVISE), (Label, Step.LABEL)):
            found[step] |= {key for key, _ in answers(ledger.read(latest, kind, step))} - known
    return Asked(len(found[Step.REVISE]), len(found[Step.LABEL]), len(keys(file) - known))


def keys(file: Path) -> set[str]:
    """All answers that the ledger of a run has."""
    import sqlite3

    with sqlite3.connect(file.parent / "out/ledger.sqlite") as raw:
        return {key for (key,) in raw.execute("SELECT key FROM result")}


def compiled(path: Path) -> Bundle:
    """The Bundle of a constitution without errors."""
    bundle = compile_path(path).bundle
    assert bundle is not None
    return bundle


def bound(file: Path, old: Bundle, new: Bundle) -> tuple[int, int, int]:
    """Draws that move, draws in all, and texts of rounds from the first of a chain on that carries other words.

    From the two versions alone: a round is another one where another principle is drawn, or its prompts say
    something else.
    """
    with Ledger.open(file.parent / "out/ledger.sqlite", read_only=True) as ledger:
        cases = ledger.read(ledger.latest_run().id, CaseRecord)
    carried = [_carried(bundle, cases) for bundle in (old, new)]
    moves = texts = 0
    for case in cases:
        before, after = (found[case.prompt] for found in carried)
        moves += sum(x[0] != y[0] for x, y in zip(before, after, strict=False))
        other = [r for r, turn in enumerate(after) if r >= len(before) or turn != before[r]]
        texts += 2 * (len(after) - other[0]) if other else 0
    return moves, len(cases) * old.revision.rounds, texts


def _carried(bundle: Bundle, cases: list[CaseRecord]) -> dict[str, list[tuple[str, ...]]]:
    """For every prompt and round: the key of the principle drawn, and the hashes of its two prompts."""
    rounds = bundle.revision.rounds
    drawn = draw_principles(bundle, SEED, Stage.REVISION, cases, rounds)
    kinds = (PromptKind.CRITIQUE, PromptKind.REVISE)
    return {
        case.prompt: [
            (bundle.principle(d.principle).key, *(bundle.prompt(kind, d.principle, d.over).hash for kind in kinds))
            for r in range(rounds)
            for d in drawn[case.prompt, r]
        ]
        for case in cases
    }


def measure(edits: list[Edit], source: Path, rounds: int, options: argparse.Namespace, work: Path) -> None:
    """A table: a row for each edit of one constitution."""
    text = base_text(source, rounds)
    if options.model:  # sixteen votes in both orders would be most of what it takes
        text = text.replace("  draw: 16\n", "  draw: 4\n")
    file = write(work / source.stem / "base", text, options)
    first = run(file, options)
    whole = asked(file, set())
    print(
        f"\n{source.stem}: {options.count} prompts, {rounds} rounds; from nothing {first:.0f} s, {whole.total} answers"
    )
    print("| edit | draws moved | formula | critiques and revisions asked | bound | votes asked | planned | asked | "
          "plan, s | run, s | of the time from nothing | same bytes |")  # fmt: skip
    print("| --- | " + "---: | " * 10 + "--- |")
    known = keys(file)
    for edit in edits:
        now = edit.of(text)
        row(edit, file, now, known=known, first=first, options=options)


def row(edit: Edit, base: Path, now: str, *, known: set[str], first: float, options: argparse.Namespace) -> None:
    """Make one edit to a copy of the finished run."""
    old = compiled(base.parent / "c.const")
    folder = base.parent.parent / "edited"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base.parent / "out", folder / "out")
    file = write(folder, now, options)
    new = compiled(folder / "c.const")
    started = clock(options)
    made = make_plan(file, prepare(file, rehearse=False, say=lambda _: None))
    planning = clock(options) - started
    moves, draws, texts = bound(base, old, new)
    case = {a.id: a.default for a in old.attributes}
    formula = moved(*({b.principle(id).key: w for id, w in weights(b, case).items()} for b in (old, new)))
    took = run(file, options)
    found = asked(file, known)
    fresh = "" if options.model else str(same(base.parent.parent / "fresh", now, file, options))
    share = f"{moves} of {draws} ({moves / draws:.2%})"
    print(
        f"| {edit.what} | {share} | {formula:.2%} | {found.revise} | {texts} | "
        f"{found.label} | {made.asked.calls} | {found.total} | {planning:.1f} | {took:.1f} "
        f"| {took / first:.0%} | {fresh} |",
        flush=True,
    )


def same(folder: Path, text: str, edited: Path, options: argparse.Namespace) -> bool:
    """Whether a run from nothing publishes the same rows."""
    shutil.rmtree(folder, ignore_errors=True)
    fresh = write(folder, text, options)
    run(fresh, options)
    read: Callable[[Path], dict[str, bytes]] = lambda at: {  # noqa: E731
        p.name: p.read_bytes() for p in (at.parent / "out/data").iterdir() if p.suffix in (".jsonl", ".parquet")
    }
    return read(fresh) == read(edited)


def main() -> None:
    """Measure edits of two shipped constitutions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--model", help="a real model, as run files name it; the scripted engine if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        if options.model:
            measure([TITLE, WEIGHT, WORDING], SIXTEEN, 2, options, Path(work))
            return
        measure([WEIGHT, WORDING, ROUNDS, TITLE, COMMENT], SIXTEEN, 4, options, Path(work))
        measure([OUTCOME, HOUSE_TITLE], HOUSE, 2, options, Path(work))


if __name__ == "__main__":
    main()
