"""What there is to say about all cases, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constitution_lang.analysis.account import Account, PairAccount, RuleAccount, ShareAccount, TensionAccount
from constitution_lang.diagnostics.numbers import number_of

__all__ = ["account_text"]


def account_text(found: Account) -> str:
    """The whole account."""
    lines = [f"{found.name} {found.version}", "", _size(found)]
    for tension in found.tensions:
        lines += ["", f"tension {tension.id}: {' and '.join(tension.sides)}"]
        lines += [] if tension.acts else [f"  never acts: {_idle(tension)}"]
        lines += [f"  {_rule(rule, found.cases)}" for rule in tension.rules]
    lines += ["", "circles of preference", *(_circles(found) or ["  none"])]
    lines += ["", "principles that no case draws", *(f"  {id}" for id in found.undrawable or ("none",))]
    lines += ["", "shares of a first draw, where there is any", *_shares(found)]
    lines += ["", "categories that meet with no tension", *(_pairs(found.open_pairs, "and") or ["  none"])]
    lines += ["", "tensions that differ from a wider one", *(_pairs(found.differences, "wins over") or ["  none"])]
    tests = list(_tests(found))
    lines += ["", "tests to paste", "", *tests] if tests else [""]
    return "\n".join(lines)


def _size(found: Account) -> str:
    if not found.attributes:
        return "one case: there are no attributes"
    return f"{number_of(found.cases, 'cases')}: {', '.join(f'{id} ({n})' for id, n in found.attributes.items())}"


def _rule(rule: RuleAccount, cases: int) -> str:
    if rule.case is None:
        by = " and ".join(f"rule {n}" for n in rule.decided_before_by)
        why = f"{by} decide{'s' if len(rule.decided_before_by) == 1 else ''} before it" if by else "it never holds"
        return f"rule {rule.number}: decides no case; {why}"
    if rule.cases is None:
        counted = "decides some cases (too many to count)"
    else:
        counted = f"decides {number_of(rule.cases, 'cases')} ({rule.cases / cases:.3g} of all)"
    play = "" if rule.both_sides_in_play else f", but {_elsewhere(rule)}"
    return f"rule {rule.number}: {counted}{play}; for one {_case(rule.case)}"


def _idle(tension: TensionAccount) -> str:
    if tension.instead:
        return f"wherever both sides are in play, {' or '.join(tension.instead)} decides"
    if tension.without_principles:
        return f"no principle belongs to {' or '.join(tension.without_principles)}"
    return "no case has both sides in play"


def _elsewhere(rule: RuleAccount) -> str:
    deciding = [*(f"rule {n}" for n in rule.decided_before_by), *rule.decided_instead_by]
    if not deciding:
        return "none with both sides in play"
    return f"where both sides are in play, {' or '.join(deciding)} decides"


def _circles(found: Account) -> list[str]:
    lines = []
    for c in found.circles:
        too = f"; in circles with these: {', '.join(c.beside)}" if c.beside else ""
        lines.append(f"  {' over '.join(c.over)}, in {_case(c.case)} (by {', '.join(c.tensions)}{too})")
    return lines if found.circles_complete else [*lines, "  and more: not all are told"]


def _shares(found: Account) -> Iterator[str]:
    by_id: dict[str, list[ShareAccount]] = {}
    for share in found.shares:
        by_id.setdefault(share.id, []).append(share)
    for id, stages in by_id.items():
        one = stages[0]
        if one.least_bound == one.greatest_bound:
            yield f"  {id}: {one.least:.1%} in every case, {' and '.join(s.stage for s in stages)} alike"
            continue
        for share in stages:
            yield (
                f"  {id} in {share.stage}: {share.least:.1%} ({_case(share.least_case)}) "
                f"to {share.greatest:.1%} ({_case(share.greatest_case)})"
            )
            if not share.exact:
                yield f"    not decided: it may reach {share.least_bound:.1%} to {share.greatest_bound:.1%}"


def _pairs(pairs: tuple[PairAccount, ...], word: str) -> list[str]:
    return [f"  {pair.first} {word} {pair.second}, in {_case(pair.case)}" for pair in pairs]


def _tests(found: Account) -> Iterator[str]:
    """For what is wrong or open; a test of each rule, and of each least and greatest share, stands in the JSON."""
    for circle in found.circles:
        yield circle.test
    for tension in found.tensions:
        if tension.test:
            yield tension.test
        for rule in tension.rules:
            if rule.test and not rule.both_sides_in_play:
                yield rule.test
    yield from dict.fromkeys(test for share in found.shares for test in share.broken)
    for pair in (*found.open_pairs, *found.differences):
        yield pair.test


def _case(case: Mapping[str, str]) -> str:
    return f"case {', '.join(f'{id} {value}' for id, value in case.items())}" if case else "the default case"
