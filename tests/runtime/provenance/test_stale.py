"""What `stale` says would come out, comes out when it is really redone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from constitution_lang.cli import main as compile_main
from constitution_lang.compile import compile_path
from constitution_lang.ir.model import Bundle
from runtime.cli import main
from runtime.datasets.rows import read_rows
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.provenance.redone import Fate, RowFate
from runtime.provenance.stale import find_stale, history_of_checkpoint, redone_under
from runtime.provenance.staleness import Stale
from runtime.records import PreferenceRow, SftRow
from tests.runtime.small_run import CONSTITUTION, RUN_FILE, write_run

STANDING = RUN_FILE.replace("[prompts]", '[pair]\npolicy = "standing"\n\n[prompts]')
"""Pairs of a policy that stands still."""

EVERY_REVISION = RUN_FILE + '\n[sft]\ntarget = "all"\n'

EDITS = {
    "nothing": ("", ""),
    "a title": ('"Kindness"', '"Being kind"'),
    "a weight": ("  weight: 3", "  weight: 4"),
    "a small weight": ("  weight: 1", "  weight: 1.05"),
    "words": ("Be kind.", "Be gentle."),
    "a question": ("worst plausible outcome", "worst likely outcome"),
    "a default": ("  default: none", "  default: grave"),
    "whom it applies to": ("applies when severity >= minor", "applies when severity is grave"),
    "an outcome": ("when severity is minor: abstain", "when severity is minor: prefer autonomy"),
    "a multiplier": ("weigh harm 2, autonomy 1", "weigh harm 3, autonomy 1"),
    "fewer rounds": ("rounds: 2", "rounds: 1"),
    "more rounds": ("rounds: 2", "rounds: 3"),
    "more draws": ("rounds: 2\n  draw: 1", "rounds: 2\n  draw: 2"),
    "fewer votes": ("  draw: 3", "  draw: 2"),
    "a threshold": ("decided: 60%", "decided: 90%"),
    "one order": ("orders: both", "orders: first"),
    "a rename": (
        'principle harm.kindness "Kindness"\n', 'principle harm.warmth "Kindness"\n  formerly: harm.kindness\n',
    ),
    "a new principle": (
        "tension safety", 'principle autonomy.respect "Respect"\n  statement:\n    Respect people.\n\ntension safety',
    ),
}  # fmt: skip


def edited(edit: str) -> str:
    before, after = EDITS[edit]
    assert before in CONSTITUTION
    return CONSTITUTION.replace(before, after, 1) if before else CONSTITUTION


def run(folder: Path, text: str = CONSTITUTION, run_file: str = RUN_FILE) -> Path:
    assert main(["run", str(write_run(folder, constitution=text, run_file=run_file)), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs of the constitution as it is, one for each run file."""
    files = {RUN_FILE: "plain", STANDING: "standing", EVERY_REVISION: "all"}
    return {text: run(tmp_path_factory.mktemp(name), run_file=text) for text, name in files.items()}


def bundle_of(folder: Path) -> Bundle:
    bundle = compile_path(folder / "small.const").bundle
    assert bundle is not None
    return bundle


def checkpoint(folder: Path, name: str) -> Path:
    return next((folder / "out" / "checkpoints").glob(f"{name}-*"))


def stale(folder: Path, name: str, bundle: Bundle) -> tuple[Stale, list[RowFate], list[RowFate]]:
    """The answer, and what becomes of each SFT row and preference row."""
    with Ledger.open(folder / "out" / "ledger.sqlite", read_only=True) as ledger:
        card, history = history_of_checkpoint(ledger, checkpoint(folder, name))
        redone, notes = redone_under(history, bundle, SilentProgress())
        assert notes == ()
        return find_stale(checkpoint(folder, name), card, history, redone), redone.sft, redone.preferences


def bare(row: SftRow | PreferenceRow) -> SftRow | PreferenceRow:
    """All that a row says, under the names of before."""
    principles = tuple("harm.kindness" if p == "harm.warmth" else p for p in row.principles)
    return replace(row, id="", constitution="", principles=principles)


def seen(row: SftRow | PreferenceRow) -> object:
    if isinstance(row, SftRow):
        return row.turns, row.completion
    return row.turns, row.chosen, row.rejected, row.probability


def check(fates: Sequence[RowFate], fresh: Sequence[SftRow | PreferenceRow]) -> None:
    """Each fate against the rows of a run from nothing."""
    kept = {row.id: row for row in fresh}
    named = set()
    for fate in fates:
        if fate.after is not None:  # also by its id and the constitution's hash
            assert kept[fate.after.id] == fate.after
            named.add(fate.after.id)
        match fate.fate:
            case Fate.SAME:
                assert fate.before is not None
                assert any(bare(row) == bare(fate.before) for row in fresh)
            case Fate.RETRACED:
                assert fate.before is not None
                assert any(seen(row) == seen(fate.before) for row in fresh)
                assert bare(fate.before) not in [bare(row) for row in fresh]
            case Fate.CHANGED | Fate.GONE:
                assert fate.before is not None
                assert seen(fate.before) not in [seen(row) for row in fresh]
            case Fate.NEW:
                assert fate.before is None
            case Fate.UNKNOWN:
                assert fate.after is None
                assert fate.why
    unknown = sum(fate.fate is Fate.UNKNOWN for fate in fates)
    assert len(kept.keys() - named) <= unknown


@pytest.mark.parametrize("run_file", [RUN_FILE, STANDING, EVERY_REVISION], ids=["plain", "standing", "all"])
@pytest.mark.parametrize("edit", list(EDITS))
def test_what_it_says_comes_out(runs: dict[str, Path], tmp_path: Path, edit: str, run_file: str) -> None:
    fresh = run(tmp_path, edited(edit), run_file)
    found, sft, preferences = stale(runs[run_file], "dpo", bundle_of(fresh))
    check(sft, read_rows(fresh / "out" / "data" / "sft.jsonl", SftRow))
    mine = found.trained_on[0]
    if mine.pairs_stand:
        check(preferences, read_rows(fresh / "out" / "data" / "preference.jsonl", PreferenceRow))
    if run_file == STANDING:
        assert mine.pairs_stand
    if edit in {"nothing", "a title", "a rename"}:
        assert not found.stale
        assert {f.fate for f in (*sft, *preferences)} == {Fate.SAME}
    if not found.stale:  # then the very checkpoint comes out
        names = {p.name for p in (fresh / "out" / "checkpoints").iterdir()}
        assert checkpoint(runs[run_file], "dpo").name in names


def test_a_label_without_new_votes_is_exact_and_one_with_says_how_many(runs: dict[str, Path], tmp_path: Path) -> None:
    for edit, unknown in (("a multiplier", False), ("a threshold", False), ("words", True)):
        (tmp_path / "small.const").write_text(edited(edit))
        found, _, preferences = stale(runs[STANDING], "preference-model", bundle_of(tmp_path))
        assert [data.name for data in found.trained_on] == ["preference"]
        rows = found.trained_on[0].rows
        assert bool(rows.unknown) == unknown
        assert bool(rows.votes) == unknown
        assert rows.votes == sum(f.votes for f in preferences)
        if edit == "words":
            asked = sum("harm.kindness" in f.before.principles for f in preferences if f.before is not None)
            assert 0 < rows.votes <= asked + rows.unknown
        else:
            assert rows.changed or edit == "a threshold"


def test_the_chain_of_each_checkpoint(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "small.const").write_text(edited("words"))
    bundle = bundle_of(tmp_path)
    chains = {
        name: [data.name for data in stale(runs[RUN_FILE], name, bundle)[0].trained_on]
        for name in ("sl-cai", "preference-model", "dpo", "ppo")
    }
    assert chains == {
        "sl-cai": ["sft"],
        "preference-model": ["preference", "sft"],
        "dpo": ["preference", "sft"],
        "ppo": ["prompts", "preference", "sft"],
    }


def test_pairs_of_a_policy_that_would_be_another_are_unknown(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "small.const").write_text(edited("whom it applies to"))
    found, _, _ = stale(runs[RUN_FILE], "dpo", bundle_of(tmp_path))
    mine = found.trained_on[0]
    assert not mine.pairs_stand
    assert mine.rows.unknown == mine.rows.total > 0
    assert mine.if_pairs_stood is not None
    assert 0 < mine.if_pairs_stood.same < mine.rows.total


def test_draws_principles_cases_and_reasons(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "small.const").write_text(edited("whom it applies to"))
    found, sft, _ = stale(runs[STANDING], "dpo", bundle_of(tmp_path))
    revision = found.draws[0]
    assert 0 < revision.moved < revision.draws == 24
    weapons = next(p for p in found.principles if p.id == "harm.weapons")
    assert weapons.drawn_after < weapons.drawn_before
    assert any(c.says == "harm.weapons no longer applies" and c.prompts > 0 for c in found.cases)
    assert [w.grade for w in found.why] == ["behaviour"]
    assert {r.why for r in found.trained_on[1].reasons} <= {f.why for f in sft} != {""}
    (tmp_path / "small.const").write_text(edited("words"))
    found, _, _ = stale(runs[STANDING], "dpo", bundle_of(tmp_path))
    kindness = next(p for p in found.principles if p.id == "harm.kindness")
    assert "critique/harm.kindness" in kindness.prompts
    assert "prefer/harm.kindness" in kindness.prompts
    assert all(d.moved == 0 for d in found.draws)


def test_cases_that_are_not_known_are_no_draws_that_are_gone(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.const").write_text(edited("a question"))
    found, sft, _ = stale(runs[STANDING], "dpo", bundle_of(tmp_path))
    unknown = {f.before.prompt for f in sft if f.fate is Fate.UNKNOWN and f.before is not None}
    assert 0 < len(unknown) < len(sft)
    assert all(0 < p.drawn_unknown <= p.drawn_before for p in found.principles)
    assert sum(p.drawn_unknown for p in found.principles) == sum(m.unknown for m in found.draws)
    main(["stale", str(checkpoint(runs[STANDING], "dpo")), "--against", str(tmp_path / "small.const"), "--quiet"])
    assert " + ?" in capsys.readouterr().out


def test_a_value_that_is_gone_is_one_reason_however_many_rows_have_it(runs: dict[str, Path], tmp_path: Path) -> None:
    text = CONSTITUTION.replace("minor", "slight")
    (tmp_path / "small.const").write_text(text)
    found, _, _ = stale(runs[STANDING], "dpo", bundle_of(tmp_path))
    [reason] = [r for r in found.trained_on[1].reasons if "none of its values" in r.why]
    assert reason.rows > 1
    assert reason.why == "its data do not fit: column 'severity' says 'minor', which is none of its values"
    assert reason.why in {c.says for c in found.cases}, "nothing is asked anew of these"
    [note] = found.notes
    assert "a run refuses these data before it asks anything" in note
    assert "write one of none, slight" in note


def test_answers_of_a_later_run_are_known(tmp_path: Path) -> None:
    """What a later run in the same folder asked makes its rows certain."""
    folder = run(tmp_path)
    text = edited("words")
    (tmp_path / "small.const").write_text(text)
    before, _, _ = stale(folder, "sl-cai", bundle_of(folder))
    assert before.trained_on[0].rows.unknown
    assert main(["run", str(folder / "run.toml"), "--quiet"]) == 0
    first = min((folder / "out" / "checkpoints").glob("sl-cai-*"), key=lambda p: p.stat().st_mtime)
    with Ledger.open(folder / "out" / "ledger.sqlite", read_only=True) as ledger:
        card, history = history_of_checkpoint(ledger, first)
        redone, _ = redone_under(history, bundle_of(folder), SilentProgress())
        after = find_stale(first, card, history, redone)
    assert after.trained_on[0].rows.unknown == 0
    assert after.trained_on[0].rows.changed
    check(redone.sft, read_rows(folder / "out" / "data" / "sft.jsonl", SftRow))


# --- the command --------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_against_a_file_a_bundle_a_folder_and_a_revision(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(checkpoint(runs[RUN_FILE], "sl-cai"))
    (tmp_path / "small.const").write_text(edited("words"))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "small.const")
    git(tmp_path, "commit", "-q", "-m", "words")
    git(tmp_path, "tag", "reworded")
    assert compile_main(["build", str(tmp_path / "small.const")]) == 0
    (tmp_path / "small.const").write_text(CONSTITUTION)
    monkeypatch.chdir(tmp_path)
    for against in ("reworded", "reworded:small.const", "small.bundle.json"):
        capsys.readouterr()
        assert main(["stale", folder, "--against", against, "--quiet"]) == 1
        told = capsys.readouterr().out
        assert "harm.kindness has other words" in told
        assert told.splitlines()[-1].startswith("stale:")
    for against in ("small.const", "."):
        capsys.readouterr()
        assert main(["stale", folder, "--against", against, "--quiet", "--format", "json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["stale"] is False
        assert told["trained_on"][0]["rows"]["same"] == 12


@pytest.mark.parametrize(
    ("against", "said"),
    [("no-such", "no-such"), ("small.const", "harn"), ("other.const", "error")],
)
def test_a_version_that_cannot_be_read_is_one_clear_message(
    runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    against: str,
    said: str,
) -> None:
    folder = str(checkpoint(runs[RUN_FILE], "sl-cai"))
    (tmp_path / "small.const").write_text(CONSTITUTION.replace("prefer harm", "prefer harn"))
    (tmp_path / "other.const").write_text("nothing")
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    assert main(["stale", folder, "--against", against, "--quiet"]) in {1, 2}
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_a_folder_that_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stale", str(tmp_path), "--against", "main"]) == 2
    assert "help:" in capsys.readouterr().err
    assert main(["stale", str(tmp_path / "none"), "--against", "main"]) == 2
    assert "there is no such checkpoint" in capsys.readouterr().err
