"""A name that nothing declares is one mistake, however many places use it.

Where a declaration nearly has the name, and no place names it as it is written, the mistake is in the declaration: it
is told there, or, where the name is used once and either may be meant, at both. Where nothing is near, the first use
tells it, and shows the others. Only where a name is near that is in use has each place a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from constitution_lang.check.suggest import nearest
from constitution_lang.check.uses import Meaning, Use
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label

__all__ = ["told_once"]

_SHOWN_MAX = 6


def told_once(found: Iterable[Diagnostic], uses: Callable[[], Iterable[Use]]) -> tuple[Diagnostic, ...]:
    """The findings, with those of one unknown name in one. `uses` has all names, at the places of the findings."""
    once = tuple(dict.fromkeys(found))
    unknown = {finding.primary.span: finding for finding in once if _says_unknown(finding)}
    if not unknown:
        return once
    named = tuple(uses())
    by_name: dict[Meaning, list[Diagnostic]] = {}
    for use in named:
        if not use.declares and (finding := unknown.pop(use.span, None)):
            by_name.setdefault(use.meaning, []).append(finding)
    instead: dict[Diagnostic, tuple[Diagnostic, ...]] = {}
    used = {use.meaning for use in named if not use.declares}
    unused = [use for use in named if use.declares and use.meaning not in used]
    for meaning, findings in sorted(by_name.items(), key=lambda item: -len(item[1])):
        misspelled = _misspelled(meaning, findings, unused)
        if misspelled:
            unused.remove(misspelled)
        if single := _single(meaning, findings, misspelled):
            instead |= {**dict.fromkeys(findings, ()), findings[0]: (single,)}
    return tuple(one for finding in once for one in instead.get(finding, (finding,)))


def _says_unknown(finding: Diagnostic) -> bool:
    """Whether it says that a name is unknown, and no more than that: a fix would put another name in its place."""
    at_the_name = finding.fix is None or finding.fix.span == finding.primary.span
    return finding.code in (codes.E201.id, codes.E203.id) and at_the_name


def _single(meaning: Meaning, findings: list[Diagnostic], misspelled: Use | None) -> Diagnostic | None:
    """One finding for several, which are in the order of the text; None where each is to be told."""
    first, *others = sorted(findings, key=lambda finding: finding.code != codes.E203.id)  # it says what to declare
    if misspelled and not others:
        if meaning.kind == "value":  # one that no condition names is nothing strange
            return None
        beside = Label(misspelled.span, "no place names this one")
        found = replace(first, secondary=(*first.secondary, beside))
        if found.fix:
            return found
        at, name = found.primary.span, misspelled.meaning.id
        return replace(found, help=f"did you mean `{name}`?", fix=Fix(at, name, f"write `{name}`"))
    if misspelled:
        what = misspelled.meaning
        called = f"value `{what.id}` of `{what.of}`" if what.of else f"{what.kind} `{what.id}`"
        return codes.E201.at(
            misspelled.span,
            f"no place names the {called}, and {len(findings)} name `{meaning.id}`",
            secondary=_labels(findings, "named here"),
            help=f"did you mean `{meaning.id}`?",
            fix=Fix(misspelled.span, meaning.id, f"write `{meaning.id}`"),
        )
    if any(finding.fix and not finding.fix.text.startswith(f"{meaning.id}.") for finding in findings):
        return None
    return replace(first, secondary=(*first.secondary, *_labels(others, "and here")))


def _misspelled(meaning: Meaning, findings: list[Diagnostic], unused: list[Use]) -> Use | None:
    """The declaration that was most likely to have this name: one of nearly that name, `unused` as it is written.

    It is in a file of the findings: that of another may be used by other constitutions, which name it as it is.
    """
    if meaning.kind not in ("attribute", "category", "value"):  # others often stand for themselves
        return None
    files = {finding.primary.span.file for finding in findings}
    family = (meaning.kind, meaning.of)
    declared = {
        use.meaning.id: use for use in unused if (use.meaning.kind, use.meaning.of) == family and use.span.file in files
    }
    best = nearest(meaning.id, declared)
    return declared[best] if best else None


def _labels(findings: list[Diagnostic], text: str) -> tuple[Label, ...]:
    shown = [Label(finding.primary.span, text) for finding in findings[:_SHOWN_MAX]]
    more = len(findings) - len(shown)
    if more:
        shown[-1] = replace(shown[-1], text=f"{text}, and in {more} more place{'s' if more > 1 else ''}")
    return tuple(shown)
