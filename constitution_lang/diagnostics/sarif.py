"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label, Severity
from constitution_lang.diagnostics.places import place
from constitution_lang.source import Source, Span

__all__ = ["to_sarif"]

_Json: TypeAlias = "str | int | list[_Json] | dict[str, _Json]"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One run, with the rules that it mentions."""
    used = sorted({found.code for found in diagnostics})
    index = {code: number for number, code in enumerate(used)}
    driver: _Json = {"name": "cai-compile", "rules": [_rule(code) for code in used]}
    results: list[_Json] = [_result(found, index[found.code], sources) for found in diagnostics]
    run: _Json = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(id: str) -> _Json:
    code = codes.named(id)
    if code is None:
        return {"id": id}
    return {
        "id": id,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": f"{code.what.strip()} {code.why.strip()}"},
        "help": {"text": code.explain()},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(found: Diagnostic, rule: int, sources: Mapping[str, Source]) -> _Json:
    text = f"{found.message}; {found.help}" if found.help else found.message
    result: dict[str, _Json] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": _LEVELS[found.severity],
        "message": {"text": text},
        "locations": [_location(found.primary, sources)],
    }
    if found.secondary:
        result["relatedLocations"] = [_location(label, sources) for label in found.secondary]
    if found.fix and found.fix.sure:  # whoever reads this applies them without asking
        change: _Json = {
            "artifactLocation": {"uri": quote(found.fix.span.file)},
            "replacements": [
                {"deletedRegion": _region(found.fix.span, sources), "insertedContent": {"text": found.fix.text}}
            ],
        }
        result["fixes"] = [{"description": {"text": found.fix.title}, "artifactChanges": [change]}]
    return result


def _location(label: Label, sources: Mapping[str, Source]) -> _Json:
    physical: dict[str, _Json] = {"artifactLocation": {"uri": quote(label.span.file)}}
    region = _region(label.span, sources)
    if region:
        physical["region"] = region
    location: dict[str, _Json] = {"physicalLocation": physical}
    if label.text:
        location["message"] = {"text": label.text}
    return location


def _region(span: Span, sources: Mapping[str, Source]) -> _Json:
    known = place(span, sources)
    if known is None:
        return {}
    return {
        "startLine": known.start.line,
        "startColumn": known.start.column,
        "endLine": known.end.line,
        "endColumn": known.end.column,
    }
