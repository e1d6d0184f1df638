"""A test run as JUnit XML, which build servers read: a suite for each constitution, a case for each expectation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

__all__ = ["JunitCase", "JunitSuite", "to_junit"]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, escaped or not."""


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One test case: failed where `failure` says why, with its `code`, not run where `skipped` does."""

    classname: str
    name: str
    failure: str = ""
    details: str = ""
    skipped: str = ""
    code: str = "E601"


@dataclass(frozen=True, slots=True)
class JunitSuite:
    """The cases of one file."""

    name: str
    cases: Sequence[JunitCase]
    properties: Mapping[str, str]


def to_junit(suites: Sequence[JunitSuite], *, at: datetime, seconds: float) -> str:
    """The document. It keeps to the elements, attributes and order of the strictest schema in use."""
    root = Element("testsuites")
    for number, suite in enumerate(suites):
        node = SubElement(
            root,
            "testsuite",
            {
                "name": _clean(suite.name),
                "package": _clean(suite.name),
                "id": str(number),
                "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S"),
                "hostname": "localhost",
                "tests": str(len(suite.cases)),
                "failures": str(sum(bool(case.failure) for case in suite.cases)),
                "errors": "0",
                "skipped": str(sum(bool(case.skipped) for case in suite.cases)),
                "time": f"{seconds / len(suites):.3f}",
            },
        )
        properties = SubElement(node, "properties")
        for name, value in suite.properties.items():
            SubElement(properties, "property", {"name": _clean(name), "value": _clean(value)})
        for case in suite.cases:
            _case(node, case)
        SubElement(node, "system-out")
        SubElement(node, "system-err")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, case: JunitCase) -> None:
    node = SubElement(
        suite, "testcase", {"name": _clean(case.name), "classname": _clean(case.classname), "time": "0.000"}
    )
    if case.failure:
        failure = SubElement(node, "failure", {"message": _clean(case.failure), "type": case.code})
        failure.text = _clean(case.details)
    elif case.skipped:
        SubElement(node, "skipped", {"message": _clean(case.skipped)})


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
