"""The layout of `explain`: headings, indented text that wraps, colour where it is wanted."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

from constitution_lang.diagnostics.numbers import number_of
from runtime.ledger.runs import Step
from runtime.records import (
    CaseRecord,
    Draw,
    Label,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    RevisionStatus,
    SftRow,
    Vote,
)
from runtime.report.charts import number, percent
from runtime.report.data import Pair, StoryRound
from runtime.report.texts import visible
from runtime.report.told import PrincipleTold, RowTold, Trained
from runtime.report.votes import is_decided, is_flip

__all__ = ["Ink", "principle_text", "row_text"]

_STATUS = {
    RevisionStatus.REVISED: "revised",
    RevisionStatus.UNCHANGED: "unchanged: the same text came back",
    RevisionStatus.EMPTY: "empty: nothing came back, the text before it was kept",
    RevisionStatus.DECLINED: "declined: the model saw nothing to revise, the text before it was kept",
}


class Ink:
    """Collects lines of at most `width` columns. All text is made visible first: no escape sequence passes."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = width
        self._colour = colour
        self._lines: list[str] = []

    def heading(self, text: str) -> None:
        """A heading, with an empty line before it."""
        if self._lines:
            self._lines.append("")
        self._write(text, "", "1")

    def line(self, text: str, indent: int = 2, *, quiet: bool = False) -> None:
        """A paragraph of ours."""
        self._write(text, " " * indent, "2" if quiet else "")

    def quote(self, text: str, indent: int = 4) -> None:
        """A text of a user or a model, with a bar before it."""
        bar = " " * indent + "│ "
        for line in visible(text).split("\n") or [""]:
            self._write(line, bar, "")

    def pair(self, name: str, value: str, indent: int = 2, column: int = 14) -> None:
        """A name and a value that hangs beside it."""
        head = " " * indent + f"{visible(name):<{column}} "
        self._write(value, head, "", rest=" " * len(head))

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)

    def _write(self, text: str, head: str, style: str, rest: str | None = None) -> None:
        wrapped = textwrap.wrap(
            visible(text), max(self.width, len(head) + 20), initial_indent=head,
            subsequent_indent=head if rest is None else rest, replace_whitespace=False, drop_whitespace=True,
            break_on_hyphens=False, expand_tabs=True,
        ) or [head.rstrip()]  # fmt: skip
        for line in wrapped:
            self._lines.append(f"\x1b[{style}m{line}\x1b[0m" if style and self._colour else line)


# --- rows ---------------------------------------------------------------------------------------


def row_text(told: RowTold, ink: Ink) -> str:
    """The story of a row."""
    story = told.story
    ink.heading(f"{told.kind[0].upper()}{told.kind[1:]} {getattr(told.row, 'id', '')}")
    ink.line(f"of run {told.run}, constitution {told.constitution}", quiet=True)
    _prompt(story.prompt, told, ink)
    if story.cuts:
        _cuts(story.cuts, ink)
    if story.case:
        _case(story.case, ink)
    if story.draws:
        _draws(story.draws, told, ink)
    for response in story.responses:
        title = "First response" if story.rounds and response is story.responses[0] else "Response"
        ink.heading(f"{title}, by {response.policy}, sample {response.sample}")
        ink.line(f"{response.id}, finish: {response.finish}", quiet=True)
        ink.quote(response.text)
    for round in story.rounds:
        _round(round, told, ink)
    shown: tuple[str, str] | None = None
    for pair in story.pairs:
        texts = (pair.comparison.a, pair.comparison.b)
        _pair(pair, told, ink, again=texts == shown)
        shown = texts
    _trained_rows(told, ink)
    return ink.text()


def _named(principle: str, told: RowTold) -> str:
    place = told.principles.get(principle)
    return f"{principle} “{place.title}”, {place.origin}" if place else f"{principle} (not in the constitution)"


def _prompt(prompt: PromptRecord | None, told: RowTold, ink: Ink) -> None:
    ink.heading("Prompt")
    if prompt is None:
        ink.line(f"{told.story.id}: its record is missing", quiet=True)
        return
    place = f", {prompt.file}, row {prompt.row}" if prompt.file else ""
    ink.line(f"{prompt.id}, {prompt.kind.value}{place}", quiet=True)
    for turn in prompt.turns:
        if len(prompt.turns) > 1:
            ink.line(f"{turn.role.value}:")
        ink.quote(turn.text)


def _cuts(cuts: Iterable[PromptCut], ink: Ink) -> None:
    ink.heading("Cut to fit the model's context")
    for cut in cuts:
        round = f" {cut.round + 1}" if cut.round >= 0 and cut.step == Step.REVISE else ""
        ink.pair(
            f"{cut.step.replace('_', ' ')}{round}",
            f"{cut.asked or 'the prompt itself'}: without its first {number_of(cut.turns, 'turns')}, "
            f"{number_of(cut.tokens_after, 'tokens')} instead of {cut.tokens_before}, of {cut.room} at most; "
            f"rule: {cut.rule}",
        )


def _case(case: CaseRecord, ink: Ink) -> None:
    ink.heading("Case")
    said = {
        "data": "from the data's column",
        "feedback": "by the feedback model",
        "default": "the constitution's default",
    }
    for value in case.values:
        odds = ", ".join(percent(p) for p in value.probabilities)
        ink.pair(
            value.attribute,
            f"{value.value}   ({said[value.origin.value]}{f': {odds}, in the order of its values' if odds else ''})",
        )


def _draws(draws: Iterable[Draw], told: RowTold, ink: Ink) -> None:
    ink.heading("Draws")
    for draw in draws:
        over = f"; its prompt says that {', '.join(draw.over)} comes first" if draw.over else ""
        ink.pair(
            f"{draw.stage.value} {draw.round + 1}.{draw.position + 1}",
            f"{_named(draw.principle, told)}; its share of first draws in this case is {percent(draw.share)}{over}",
        )


def _round(round: StoryRound, told: RowTold, ink: Ink) -> None:
    revision = round.revision
    ink.heading(f"Round {revision.round + 1}: {_named(revision.principle, told)}")
    if round.critique:
        ink.line(f"critique, by the prompt {round.critique.compiled}:")
        ink.quote(round.critique.text)
    else:
        ink.line("no critique was asked for", quiet=True)
    ink.line(f"revision, by the prompt {revision.compiled}; {_STATUS[revision.status]}:")
    ink.quote(revision.text)
    if revision.status is RevisionStatus.DECLINED:
        ink.line("what came back:")
        ink.quote(revision.raw)
    if revision.finish == "length":
        ink.line("it was cut at the limit of tokens", quiet=True)


def _pair(pair: Pair, told: RowTold, ink: Ink, *, again: bool) -> None:
    comparison = pair.comparison
    policies = {r.id: r.policy for r in told.story.responses}
    ink.heading(f"Pair {comparison.id}, for {comparison.purpose.value}")
    for name, id, text in (("A", comparison.a, comparison.text_a), ("B", comparison.b, comparison.text_b)):
        by = f", by {policies[id]}" if id in policies else ""
        ink.line(f"{name}: {id}{by}{', the same text as above' if again else ''}")
        if not again:
            ink.quote(text)
    if pair.label is None:
        ink.line("It has no label yet.")
        return
    _label(pair.label, told, ink)


def _label(label: Label, told: RowTold, ink: Ink) -> None:
    if label.votes:
        ink.heading("Votes: log-odds for A, shown first and shown second")
        for vote in label.votes:
            _vote(vote, label, told, ink)
    if label.categories:
        ink.heading("Evidence of categories")
        for c in label.categories:
            said = f"A better with {percent(c.probability)}" if c.probability is not None else "no vote remains"
            ink.pair(c.category, f"{said}; weight {number(c.weight)}, {number_of(c.votes, 'votes')}")
    if label.fired:
        ink.heading("Rules that fired")
        for fired in label.fired:
            ink.pair(f"rule {fired.rule}", f"of {fired.tension}, {fired.outcome}, {fired.origin}: {fired.effect}")
    ink.heading("Label")
    if label.probability is None:
        ink.line(f"none: {_why(label)}")
    else:
        by = "people" if label.source == "human" else "the feedback model"
        ink.line(f"A is better with {label.probability:.4f}, by {by}")


def _why(label: Label) -> str:
    return {
        "review": "two sides are decided and disagree where a rule abstains; people should look at it",
        "no evidence": "no vote could be read",
        "equal texts": "both texts are the same, so nothing was asked",
    }.get(label.outcome.value, label.outcome.value)


def _vote(vote: Vote, label: Label, told: RowTold, ink: Ink) -> None:
    ink.line(_named(vote.principle, told))
    if vote.margin is None or vote.log_odds is None or vote.probability is None:
        ink.line(f"no answer: {vote.abstained or 'no reason given'}", 6)
    else:
        swapped = "" if vote.log_odds_swapped is None else f", second {vote.log_odds_swapped:+.3f}"
        bias = "" if vote.position_bias is None else f"; position bias {vote.position_bias:+.3f}"
        flip = ", the answer flips with the order" if is_flip(vote) else ""
        decided = "decided" if is_decided(vote, told.decided) else f"undecided, since {percent(told.decided)} is asked"
        ink.line(f"first {vote.log_odds:+.3f}{swapped}; margin {vote.margin:+.3f}{bias}{flip}", 6)
        ink.line(f"A better with {vote.probability:.4f}: {decided}; the options held {percent(vote.mass)}", 6)
    for left in label.left_out:
        if left.principle == vote.principle:
            ink.line(f"left out of the label by the tension {left.tension}, since {left.side} comes first", 6)
    for thought in vote.reasoning:
        ink.line("reasoning:", 6)
        ink.quote(thought, 8)


def _trained_rows(told: RowTold, ink: Ink) -> None:
    row = told.row
    if isinstance(row, SftRow):
        ink.heading("What it teaches")
        ink.line(f"{row.source.value}, to be learnt after the prompt:")
        ink.quote(row.completion)
    elif isinstance(row, PreferenceRow):
        ink.heading("What it teaches")
        ink.line(f"with {row.probability:.4f} (by {'people' if row.source == 'human' else 'AI'}), rather this:")
        ink.quote(row.chosen)
        ink.line("than this:")
        ink.quote(row.rejected)
    else:
        _list_rows(told, ink)
        return
    ink.heading("What it trained")
    if not told.trained:
        ink.line("No checkpoint of this run learnt from it yet.")
    for trained in told.trained:
        _checkpoint(trained, ink)


def _list_rows(told: RowTold, ink: Ink) -> None:
    listed = [("SFT row", r.id) for r in told.story.sft_rows]
    listed += [("preference row", r.id) for r in told.story.preference_rows]
    if listed:
        ink.heading("Training rows that came of it")
        for kind, id in listed:
            ink.pair(kind, id, column=15)


def _checkpoint(trained: Trained, ink: Ink) -> None:
    how = f"through the rewards of the {trained.through.value}" if trained.through else "directly"
    sure = "; the hash of its data covers this row" if trained.verified else ""
    ink.pair(trained.kind.value, f"{how}: {trained.path}, weights {trained.weights}{sure}", column=16)


# --- principles ---------------------------------------------------------------------------------


def principle_text(told: PrincipleTold, ink: Ink) -> str:
    """What a principle decided."""
    principle = told.principle
    ink.heading(f"Principle {principle.id} “{principle.title}”, {principle.origin}")
    ink.line(f"in run {told.run}, constitution {told.constitution}", quiet=True)
    if principle.formerly:
        ink.line(f"formerly {', '.join(principle.formerly)}", quiet=True)
    ink.quote(principle.statement, 2)
    ink.heading("Draws")
    for d in told.draws:
        share = d.first / d.prompts if d.prompts else math.nan
        ink.pair(
            f"{d.stage.value} {d.round + 1}",
            f"drawn for {d.drawn:,} of {number_of(d.prompts, 'prompts')}; first for {d.first:,}, {percent(share)}, "
            f"where {percent(d.planned)} was planned",
        )
    if not told.draws:
        ink.line("Nothing was drawn in this run.")
    ink.heading("Revisions made under it")
    total = sum(told.revisions.values())
    counts = ", ".join(f"{name} {count:,}" for name, count in told.revisions.items())
    ink.line(f"{total:,}: {counts}" if total else "none")
    _votes_of(told, ink)
    if told.examples:
        ink.heading("Rows, for cai-run explain")
        for kind, id in told.examples:
            ink.pair(kind, id, column=15)
    return ink.text()


def _votes_of(told: PrincipleTold, ink: Ink) -> None:
    votes = told.votes
    ink.heading("Votes")
    if votes is None:
        ink.line("none")
    else:
        ink.line(
            f"{votes.votes:,}: {votes.decided:,} decided, {votes.undecided:,} undecided, {votes.abstained:,} no answer"
        )
        for reason, count in votes.reasons:
            ink.line(f"no answer, {number_of(count, 'times')}: {reason}", 4)
        if told.probability_mean is not None and told.certainty_mean is not None:
            ink.line(
                f"on the mean, A better with {told.probability_mean:.3f}; its favourite with {told.certainty_mean:.3f}"
            )
        if votes.bias is not None and votes.bias_size is not None:
            ink.line(
                f"position bias {votes.bias:+.3f} on the mean ({votes.bias_size:.3f} without its sign); "
                f"the answer flips with the order in {votes.flips:,} of {votes.both_orders:,}"
            )
    for tension, count in told.left_out_by.items():
        ink.line(f"left out by the tension {tension}: {number_of(count, 'times')}")
