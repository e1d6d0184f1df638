"""A name that nothing declares is one mistake, however many places use it.

Where a declaration nearly has the name, and no place names it as it is written, the mistake is in the declaration: it
is told there, or, where the name is used once and either may be meant, at both. Where nothing is near, the first use
tells it, and shows the others; so it does where the declaration is in another file, which others may use. Only where
a name is near that is in use has each place a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec.structs import replace

from constitution_lang.check.modules import LIBRARY
from constitution_lang.check.uses import Meaning, Named, Use
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax.words import closest

__all__ = ["LOOKED_AT_MAX", "told_once"]

_SHOWN_MAX = 6
LOOKED_AT_MAX = 200
"""Of so many names, those with most uses, it is looked whether a declaration has nearly that name."""
_NAMED_SOMEWHERE = ("attribute", "category")
"""What stands for nothing where no place names it."""


def told_once(found: Iterable[Diagnostic], names: Callable[[Iterable[Span]], Named]) -> tuple[Diagnostic, ...]:
    """The findings, with those of one unknown name in one. `names` is asked for those at the places of findings."""
    once = tuple(dict.fromkeys(found))
    unknown = {finding.primary.span: finding for finding in once if _says_unknown(finding)}
    if not unknown:
        return once
    named = names(unknown)
    by_name: dict[Meaning, list[Diagnostic]] = {}
    for use in named.near:
        if not use.declares and (finding := unknown.get(use.span)) and finding not in by_name.get(use.meaning, ()):
            by_name.setdefault(use.meaning, []).append(finding)
    for consequence in _of_wrong_ids(once, named):
        unknown_id = by_name.pop(consequence, [])
        once = tuple(finding for finding in once if finding not in unknown_id)
    families = {(meaning.kind, meaning.of) for meaning in by_name}
    unused = {family: _unused(named, *family) for family in families}
    instead: dict[Diagnostic, tuple[Diagnostic, ...]] = {}
    misspelled: dict[Meaning, Use] = {}
    for meaning in sorted(by_name, key=lambda meaning: -len(by_name[meaning]))[:LOOKED_AT_MAX]:
        family = unused[meaning.kind, meaning.of]
        if declared := _misspelled(meaning, by_name[meaning], family):
            misspelled[meaning] = family.pop(declared.meaning.id)
    for meaning, findings in by_name.items():
        left = unused[meaning.kind, meaning.of]
        if single := _single(meaning, findings, misspelled.get(meaning), left):
            instead |= {**dict.fromkeys(findings, ()), findings[0]: (single,)}
    return tuple(one for finding in once for one in instead.get(finding, (finding,)))


def _says_unknown(finding: Diagnostic) -> bool:
    """Whether it says that a name is unknown, and no more than that: a fix would put another name in its place."""
    at_the_name = finding.fix is None or finding.fix.span == finding.primary.span
    return finding.code in (codes.E201.id, codes.E203.id, codes.E307.id) and at_the_name


def _unused(named: Named, kind: str, of: str) -> dict[str, Use]:
    """Of a kind, and of values of an attribute, the declarations that no place names, by their names."""
    return {use.meaning.id: use for use in named.declared(kind, of) if use.meaning not in named.used}


def _of_wrong_ids(found: Iterable[Diagnostic], named: Named) -> Iterator[Meaning]:
    """The principles that there would be if no category in an id were missing or misspelled."""
    wrong = {one.primary.span: one for one in found if one.code == codes.E203.id}
    for use in named.near if wrong else ():
        if not use.declares or use.meaning.kind != "principle":
            continue
        category, dot, rest = use.meaning.id.partition(".")
        finding = wrong.get(Span(use.span.file, use.span.start, use.span.start + len(category)))
        if finding and dot and finding.fix:
            yield Meaning("principle", f"{finding.fix.text}.{rest}")
        elif finding and not dot:
            yield from (one for one in named.used if one.kind == "principle" and one.id.endswith(f".{category}"))


def _single(
    meaning: Meaning, findings: list[Diagnostic], misspelled: Use | None, unused: Mapping[str, Use]
) -> Diagnostic | None:
    """One finding for several, which are in the order of the text; None where each is to be told."""
    first, *others = sorted(findings, key=lambda finding: finding.code != codes.E203.id)  # it says what to declare
    strange = meaning.kind in _NAMED_SOMEWHERE
    if misspelled and misspelled.span.file not in {finding.primary.span.file for finding in findings}:
        return _misspelled_elsewhere(meaning, findings, misspelled) if others else None
    if misspelled and not others:
        beside = Label(misspelled.span, "no place names this one")
        return replace(first, secondary=(*first.secondary, beside)) if strange else None
    if misspelled:
        what = misspelled.meaning
        called = f"value `{what.id}` of `{what.of}`" if what.of else f"{what.kind} `{what.id}`"
        return codes.E201.at(
            misspelled.span,
            f"no place names the {called}, and {len(findings)} name `{meaning.id}`",
            secondary=_labels(findings, "named here"),
            help=f"did you mean `{meaning.id}`?",
            fix=Fix(misspelled.span, meaning.id, f"write `{meaning.id}`", sure=strange),
        )
    if any(finding.fix and not finding.fix.text.startswith(f"{meaning.id}.") for finding in findings):
        return None
    renamed = [Label(use.span, "no place names this one") for use in unused.values()] if strange else []
    labels = _labels(others, "and here") if others else ()
    return replace(first, secondary=(*first.secondary, *labels, *(renamed if len(renamed) == 1 else ())))


def _misspelled(meaning: Meaning, findings: list[Diagnostic], unused: Mapping[str, Use]) -> Use | None:
    """The declaration that was most likely to have this name: one of nearly that name, `unused` as it is written."""
    best = closest(meaning.id, unused)
    if best is None or any(finding.fix and finding.fix.text != best for finding in findings):
        return None
    return None if unused[best].span.file.startswith(LIBRARY) else unused[best]


def _misspelled_elsewhere(meaning: Meaning, findings: list[Diagnostic], declared: Use) -> Diagnostic:
    """One finding where a declaration of another file is near: which of the two is right nobody knows here."""
    first, *others = findings
    beside = Label(declared.span, "no place names this one")
    help = f"did you mean `{declared.meaning.id}`? If that is misspelt, write `{meaning.id}` there"
    labels = _labels(others, "and here") if others else ()
    return replace(first, secondary=(*first.secondary, *labels, beside), help=help, fix=None)


def _labels(findings: list[Diagnostic], text: str) -> tuple[Label, ...]:
    shown = [Label(finding.primary.span, text) for finding in findings[:_SHOWN_MAX]]
    more = len(findings) - len(shown)
    if more:
        shown[-1] = replace(shown[-1], text=f"{text}, and in {more} more place{'s' if more > 1 else ''}")
    return tuple(shown)
