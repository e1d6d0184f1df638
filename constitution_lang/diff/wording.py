"""The prompts whose text changed, and which text of the constitution changed it.

A prompt is explained by putting each new text in the place of the old one: what is then still different comes from
its examples or its template. So one edit is told once, with all the prompts that carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Mark,
    PromptText,
    Segment,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.segments import DIFFERENT, alike, hunks, marked
from constitution_lang.diff.staleness import of_prompts
from constitution_lang.diff.words import listed
from constitution_lang.ir.model import Bundle, Exemplar, Literal, Origin, Principle, Prompt, PromptKind, Stage

__all__ = ["Wording", "text_of_prompt"]

_FIELDS = ("statement", "critique", "revise", "prefer")
_STAGE = {
    PromptKind.CRITIQUE: Stage.REVISION, PromptKind.REVISE: Stage.REVISION, PromptKind.REVISE_DIRECT: Stage.REVISION,
    PromptKind.PREFER: Stage.PREFERENCE, PromptKind.REASON: Stage.PREFERENCE,
    PromptKind.PREFER_REASONED: Stage.PREFERENCE,
}  # fmt: skip


def text_of_prompt(prompt: Prompt) -> str:
    """All that a model will see, slots and speakers marked."""
    parts = []
    for message in prompt.messages:
        body = "".join(p.text if isinstance(p, Literal) else f"⟦{p.name}⟧" for p in message.parts)
        parts.append(f"[{message.role}]\n{body}")
    if prompt.opening:
        parts.append(f"[opening]\n{prompt.opening}")
    return "\n\n".join(parts)


_Naming = Callable[[str], str]


class _Edit(NamedTuple):
    """A text that was replaced: whose it is, which field, and how it is shown."""

    subject: Subject
    field: str
    old: str
    new: str
    segments: tuple[Segment, ...]


class Wording:
    """The changed prompts of two versions, by what changed them."""

    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self._edits = {s.id: edits for s, edits in self._all_edits()}
        self._examples = self._changed_examples()
        self._templates = [_templates_of(bundle) for bundle in (pairing.old, pairing.new)]
        self._texts: dict[Subject, dict[object, PromptText]] = {}
        old = {p.id: p for p in pairing.old.prompts}
        for prompt in pairing.new.prompts:
            before = old.get(self._old_id(prompt))
            if before is not None and before.hash != prompt.hash:
                self._explain(before, prompt)

    def tags(self) -> dict[str, tuple[PromptText, ...]]:
        """Of tag prompts, by attribute."""
        return {s.id: tuple(t.values()) for s, t in self._texts.items() if s.kind is SubjectKind.ATTRIBUTE}

    def changes(self) -> Iterator[Change]:
        """Of principles, categories, examples and templates."""
        places = self._places()
        told = {s for s in self._texts if s.kind is not SubjectKind.ATTRIBUTE}
        silent = {edits[0].subject for edits in self._edits.values() if edits} | self._examples.keys()
        for subject in sorted(told | silent, key=lambda s: (s.kind, s.id)):
            texts = tuple(self._texts.get(subject, {}).values())
            of_template = subject.kind is SubjectKind.TEMPLATE
            found = self._template_places(subject.id) if of_template else places.get(subject, (None, None))
            yield self._change(subject, texts, found)

    def _change(
        self, subject: Subject, texts: tuple[PromptText, ...], places: tuple[Origin | None, Origin | None]
    ) -> Change:
        edits = self._edits.get(subject.id, ()) if subject.kind in {SubjectKind.PRINCIPLE, SubjectKind.CATEGORY} else ()
        values = self._values(subject, edits, texts)
        ids = tuple(dict.fromkeys(id for text in texts for id in text.new))
        kinds = [k for k in PromptKind if any(k in text.kinds for text in texts)]
        many = f"{len(ids)} prompt{'' if len(ids) == 1 else 's'} change{'s' if len(ids) == 1 else ''}"
        fields = [e.field for e in edits if e.field == "statement" or not _follows(e, edits)]
        what = {
            SubjectKind.TEMPLATE: f"the template of {subject.id} is another one",
            SubjectKind.EXEMPLAR: f"the examples of {subject.id} are others",
        }.get(subject.kind, f"{subject.id} has another {listed(fields)}")
        if not texts and self.pairing.new.prompts and self.pairing.old.prompts:
            says, grade = f"{what}, and no prompt carries that", Grade.METADATA
        else:
            says, grade = f"{what}: {many}", Grade.WORDING
        under = list(dict.fromkeys(p.principle for p in self.pairing.new.prompts if p.id in set(ids) and p.principle))
        return change(
            grade, subject, Aspect.WORDING, says, places, values=values, help=self._other(subject), prompts=texts,
            stale=of_prompts(kinds, ids, under),
        )  # fmt: skip

    def _other(self, subject: Subject) -> str:
        """A word for an id whose title and statement have next to nothing left of those before."""
        if subject.kind is not SubjectKind.PRINCIPLE:
            return ""
        old, new = self.pairing.principles[subject.id]
        if any(alike(*texts) >= DIFFERENT for texts in ((old.title, new.title), (old.statement, new.statement))):
            return ""
        return f"where this is another principle, give it an id of its own and write `retired principle {old.id}`"

    # --- causes -----------------------------------------------------------------------------------

    def _explain(self, old: Prompt, new: Prompt) -> None:
        """Find out which edits lead from one text to the other."""
        if old.kind is PromptKind.TAG:
            self._note(Subject(SubjectKind.ATTRIBUTE, old.attribute or ""), old, new, *_whole(old, new))
            return
        text, wanted = text_of_prompt(old), text_of_prompt(new)
        explained = []
        for edit in self._near(new):
            if text != wanted and edit.old and edit.old in text and edit.new in wanted:
                text = text.replace(edit.old, edit.new)
                explained.append(edit)
        for edit in explained:
            self._note(edit.subject, old, new, edit.segments)
        if text != wanted or (old.options, old.values) != (new.options, new.values) or not explained:
            segments, note = _whole(old, new, text)
            if any(s.mark is Mark.OLD and s.text not in text_of_prompt(old) for s in segments):
                segments, note = _whole(old, new)  # what went holds an edited text, of which only the old one was there
            for subject in self._residue(new):
                self._note(subject, old, new, segments, note)

    def _near(self, prompt: Prompt) -> list[_Edit]:
        """The edits of texts that a prompt may carry, long texts first: a short one may be part of a long one."""
        sides = (prompt.principle or "", *prompt.over)
        found = [edit for side in sides for edit in self._edits.get(side, ())]
        return sorted(found, key=lambda e: -len(e.old))

    def _residue(self, prompt: Prompt) -> Iterator[Subject]:
        """What may have changed the rest of a prompt: its examples, its template where that was edited, or both."""
        stage = _STAGE.get(prompt.kind)
        template = Subject(SubjectKind.TEMPLATE, prompt.kind)
        targets = (Subject(SubjectKind.EXEMPLAR, id) for id in (prompt.principle, stage.value if stage else None) if id)
        examples = [subject for subject in targets if any(stage is s for s in self._examples.get(subject, ()))]
        yield from examples
        if not examples or self._templates[0].get(prompt.kind) != self._templates[1].get(prompt.kind):
            yield template

    def _note(self, subject: Subject, old: Prompt, new: Prompt, segments: tuple[Segment, ...], note: str = "") -> None:
        texts = self._texts.setdefault(subject, {})
        key = (hunks(segments), note)
        known = texts.get(key) or PromptText((), (), (), segments, note)
        kinds = known.kinds if new.kind in known.kinds else (*known.kinds, new.kind)
        if new.id not in known.new:
            texts[key] = PromptText(kinds, (*known.old, old.id), (*known.new, new.id), known.segments, note)

    def _all_edits(self) -> Iterator[tuple[Subject, tuple[_Edit, ...]]]:
        for old, new in self.pairing.principles.values():
            subject = Subject(SubjectKind.PRINCIPLE, new.id)
            yield subject, tuple(_edits_of(subject, old, new))
        for was, now in self.pairing.categories.values():
            subject = Subject(SubjectKind.CATEGORY, now.id)
            if was.statement != now.statement:
                segments = marked(was.statement, now.statement)
                yield subject, (_Edit(subject, "statement", was.statement, now.statement, segments),)

    def _changed_examples(self) -> dict[Subject, set[Stage]]:
        found: dict[Subject, set[Stage]] = {}
        before, after = (
            {(name(e.target), e.stage, e.fields) for e in bundle.exemplars}
            for bundle, name in ((self.pairing.old, self.pairing.side), (self.pairing.new, str))
        )
        for target, stage, _ in before ^ after:
            if target in self.pairing.principles or target in tuple(Stage):
                found.setdefault(Subject(SubjectKind.EXEMPLAR, target), set()).add(stage)
        return found

    # --- names and places ---------------------------------------------------------------------------

    def _old_id(self, prompt: Prompt) -> str:
        back = {new: old for old, new in self.pairing.names.items()}
        subject = prompt.attribute or back.get(prompt.principle or "", prompt.principle)
        name = f"{prompt.kind}/{subject}" if subject else prompt.kind.value
        over = sorted(back.get(side, side) for side in prompt.over)
        return f"{name}+over:{','.join(over)}" if over else name

    def _places(self) -> dict[Subject, tuple[Origin | None, Origin | None]]:
        found: dict[Subject, tuple[Origin | None, Origin | None]] = {}
        for old, new in self.pairing.principles.values():
            found[Subject(SubjectKind.PRINCIPLE, new.id)] = old.origin, new.origin
        for was, now in self.pairing.categories.values():
            found[Subject(SubjectKind.CATEGORY, now.id)] = was.origin, now.origin
        for subject in self._examples:
            old_place, new_place = (
                next((e.origin for e in exemplars if name(e.target) == subject.id), None)
                for exemplars, name in self._examples_of_both()
            )
            found[subject] = old_place, new_place
        return found

    def _template_places(self, kind: str) -> tuple[Origin | None, Origin | None]:
        """The beginnings of both templates; None for the standard one."""
        old, new = (
            next((Origin(one.file, 1, 1) for one in bundle.templates if one.kind == kind), None)
            for bundle in (self.pairing.old, self.pairing.new)
        )
        return old, new

    def _examples_of_both(self) -> Iterator[tuple[tuple[Exemplar, ...], _Naming]]:
        yield self.pairing.old.exemplars, self.pairing.side
        yield self.pairing.new.exemplars, str

    def _values(self, subject: Subject, edits: tuple[_Edit, ...], texts: tuple[PromptText, ...]) -> tuple[str, str]:
        if edits:
            return _two(
                "\n".join(f"{e.field}: {e.old}" for e in edits), "\n".join(f"{e.field}: {e.new}" for e in edits)
            )
        if subject.kind is SubjectKind.EXEMPLAR:
            return _two(*(_examples_text(subject.id, listed, name) for listed, name in self._examples_of_both()))
        changed = [
            "\n".join("".join(s.text for s in text.segments if s.mark != other) for text in texts)
            for other in ("new", "old")
        ]
        return changed[0], changed[1]


def _templates_of(bundle: Bundle) -> dict[PromptKind, str]:
    """The hashes of the templates that take the place of standard ones."""
    hashes = {source.name: source.sha256 for source in bundle.sources}
    return {one.kind: hashes.get(one.file, "") for one in bundle.templates}


def _two(*texts: str) -> tuple[str, str]:
    return texts[0], texts[1]


def _examples_text(target: str, exemplars: tuple[Exemplar, ...], name: _Naming) -> str:
    shown = [e.fields for e in exemplars if name(e.target) == target]
    return "\n\n".join("\n".join(f"{key}: {text}" for key, text in fields) for fields in shown)


def _edits_of(subject: Subject, old: Principle, new: Principle) -> Iterator[_Edit]:
    """Those of a principle. A request that only follows the statement is shown as the statement's own edit."""
    statement = marked(old.statement, new.statement) if old.statement != new.statement else ()
    for field in _FIELDS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            follows = bool(old.statement) and before.replace(old.statement, new.statement) == after
            yield _Edit(subject, field, before, after, statement if follows and statement else marked(before, after))


def _follows(edit: _Edit, edits: tuple[_Edit, ...]) -> bool:
    """Whether an edit is told by that of the statement."""
    return any(e.field == "statement" and e is not edit and e.segments == edit.segments for e in edits)


@cache
def _marked(old: str, new: str) -> tuple[Segment, ...]:
    return marked(old, new)


def _whole(old: Prompt, new: Prompt, text: str | None = None) -> tuple[tuple[Segment, ...], str]:
    """What differs between two prompts, or between a text of the old one and the new one."""
    before, after = text or text_of_prompt(old), text_of_prompt(new)
    note = ""
    if (old.options, old.values) != (new.options, new.values):
        note = f"the options are {listed(new.values)} and were {listed(old.values)}"
    elif before == after:
        note = "the same words in other turns"
    return (_marked(before, after) if before != after else ()), note
