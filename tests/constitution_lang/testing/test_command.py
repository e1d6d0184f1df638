"""`cai-compile test` as a user calls it: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from constitution_lang import cli
from tests.constitution_lang.texts import PAIR, WHOLE

HOLDS = """
test "grave harm comes first"
  case severity grave
  expect harm over autonomy
  expect rule 1 of care

test "choices count"
  table severity, topic | expect
    none,  general | weigh harm 2, autonomy 1
    minor, medical | otherwise
""".replace("otherwise", "harm.weapons at least 50% in revision; autonomy.choice applies")

FAILS = """
test "odd <tests> & \\"quotes\\""
  case severity minor, topic medical
  expect harm over autonomy
  expect harm.weapons at most 50%
""".replace('\\"', "'")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "house.const"
    path.write_text(WHOLE + HOLDS, encoding="utf-8")
    return path


def failing(house: Path) -> Path:
    house.write_text(WHOLE + HOLDS + FAILS, encoding="utf-8")
    return house


def test_all_hold(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", house.name]) == 0
    assert capsys.readouterr().out == "house.const: 5 expectations hold, in 2 tests\n"


def test_a_failure_says_where_what_and_why(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing(house)
    assert cli.main(["test", "house.const", "-k", "ODD"]) == 1
    expected = """\
error[E601]: expected `harm over autonomy`, but `care` weighs autonomy 1, harm 2
  --> house.const:48:3
   |
32 |   otherwise: weigh harm 2, autonomy 1
   |   ----------------------------------- `otherwise` of `care` decides here
...
47 |   case severity minor, topic medical
   |   ---------------------------------- in this case
48 |   expect harm over autonomy
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: the case is severity minor, topic medical; correct the constitution, or the expectation

error[E601]: expected `harm.weapons at most 50%`, but its share is 85.71% in revision
  --> house.const:49:3
   |
32 |   otherwise: weigh harm 2, autonomy 1
   |   ----------------------------------- `otherwise` of `care` decides here
...
47 |   case severity minor, topic medical
   |   ---------------------------------- in this case
...
49 |   expect harm.weapons at most 50%
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: the case is severity minor, topic medical; correct the constitution, or the expectation

house.const: 0 of 2 expectations hold, in 1 test
"""
    assert capsys.readouterr().out == expected


def test_the_same_as_json(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing(house)
    assert cli.main(["test", "house.const", "--format", "json", "--coverage"]) == 1
    (file,) = json.loads(capsys.readouterr().out)
    assert (file["file"], file["failed"], len(file["expectations"])) == ("house.const", 2, 7)
    over, share = file["expectations"][-2:]
    assert (over["line"], over["case"]) == (48, {"severity": "minor", "topic": "medical"})
    assert over["decided"] == [{"tension": "care", "rule": 2, "file": "house.const", "line": 32}]
    assert share["shares"] == {"revision": pytest.approx(6 / 7), "preference": pytest.approx(6 / 7)}
    assert file["coverage"]["share"] == 1.0


def test_junit_has_the_form_that_build_servers_read(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing(house).write_text(house.read_text(encoding="utf-8") + PAIR, encoding="utf-8")
    assert cli.main(["test", "house.const", "--format", "junit", "-o", "tests.xml"]) == 1
    assert capsys.readouterr().out == ""
    root = ET.fromstring(Path("tests.xml").read_bytes())  # noqa: S314 - our own
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    counts = {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "2", "errors": "0", "skipped": "1"}
    assert {"name", "package", "id", "timestamp", "hostname", "time"} <= suite.attrib.keys()
    tags = [child.tag for child in suite]
    assert tags == ["properties", *["testcase"] * 8, "system-out", "system-err"]
    names = [(case.attrib["classname"], case.attrib["name"]) for case in suite.iter("testcase")]
    assert len(set(names)) == 8
    assert all(case.attrib.keys() == {"name", "classname", "time"} for case in suite.iter("testcase"))
    failures = list(suite.iter("failure"))
    assert failures[0].attrib["message"] == "expected `harm over autonomy`, but `care` weighs autonomy 1, harm 2"
    assert "house.const:48:3" in (failures[0].text or "")
    assert names[5][0] == "odd <tests> & 'quotes'"


def test_a_constitution_with_errors_fails_in_junit(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house.write_text(house.read_text(encoding="utf-8").replace("category harm", "category hram"), encoding="utf-8")
    assert cli.main(["test", "house.const", "--format", "junit"]) == 1
    (suite,) = ET.fromstring(capsys.readouterr().out)  # noqa: S314 - our own
    assert (suite.attrib["name"], suite.attrib["tests"], suite.attrib["failures"]) == ("house.const", "1", "1")
    (failure,) = suite.iter("failure")
    assert "no place names the category `hram`, and 6 name `harm`" in (failure.text or "")


def test_a_constitution_with_errors_fails_in_json(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house.write_text(house.read_text(encoding="utf-8").replace("category harm", "category hram"), encoding="utf-8")
    good = house.with_name("good.const")
    good.write_text(WHOLE + HOLDS, encoding="utf-8")
    assert cli.main(["test", "house.const", "good.const", "--format", "json"]) == 1
    told = {file["file"]: file for file in json.loads(capsys.readouterr().out)}
    assert told.keys() == {"house.const", "good.const"}
    assert (told["good.const"]["compiles"], told["good.const"]["findings"]) == (True, [])
    assert (told["house.const"]["compiles"], told["house.const"]["expectations"]) == (False, [])
    assert cli.main(["check", "house.const", "--format", "json"]) == 1
    assert told["house.const"]["findings"] == json.loads(capsys.readouterr().out)


def test_errors_of_cases_stand_in_json_beside_the_tests_that_ran(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.write_text((WHOLE + HOLDS).replace("  weight:", "  share: at most 1%\n  weight:", 1), encoding="utf-8")
    assert cli.main(["test", "house.const", "--format", "json"]) == 1
    (file,) = json.loads(capsys.readouterr().out)
    assert (file["compiles"], len(file["expectations"])) == (False, 5)
    assert "E506" in [found["code"] for found in file["findings"]]


def test_what_is_not_covered_is_listed_and_may_fail(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", house.name, "-k", "grave", "--coverage-min", "75%"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "house.const: coverage 75%: 1 of 2 rules, 2 of 2 principles\n"
        "  no test looks at otherwise of care  (house.const:32:3)\n\n"
        "house.const: 2 expectations hold, in 1 test; 75% covered\n"
    )
    assert cli.main(["test", "house.const", "-k", "grave", "--coverage-min", "76"]) == 1
    assert capsys.readouterr().err == "cai-compile: house.const: less than 76% is covered\n"
    assert err == ""


def test_a_rule_that_never_decides_is_not_counted(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (WHOLE + HOLDS).replace(
        "  otherwise:", "  when severity is grave and topic is medical: abstain\n  otherwise:"
    )
    house.write_text(text, encoding="utf-8")
    assert cli.main(["test", house.name, "--coverage-min", "100%"]) == 0
    out, _ = capsys.readouterr()
    assert "house.const: coverage 100%: 2 of 2 rules, 2 of 2 principles\n" in out
    assert "rule 2 of care decides in no case, and is not counted" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["house.const", "-k", "nothing like it"], "no test has 'nothing like it' in its title"),
        (["missing.const"], "cannot read missing.const: no such file or directory"),
        (["house.const", "-o", "no/such/folder.xml"], "cannot write no/such/folder.xml: no such file or directory"),
    ],
)
def test_wrong_use(house: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert house.exists()
    assert cli.main(["test", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("least", ["much", "101%", "-1%", "nan"])
def test_a_threshold_is_a_percentage(house: Path, least: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["test", str(house), f"--coverage-min={least}"])
    assert stopped.value.code == 2
    assert "is not a percentage from 0% to 100%" in capsys.readouterr().err


def test_a_constitution_with_errors_is_told_and_the_others_are_run(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.const").write_text(WHOLE.replace("prefer harm", "prefer ham"), encoding="utf-8")
    assert cli.main(["test", "broken.const", str(house)]) == 1
    out, err = capsys.readouterr()
    assert "E501" in err
    assert out.endswith("house.const: 5 expectations hold, in 2 tests\n")


def test_a_file_without_tests_and_pairs_for_a_model(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house.write_text(WHOLE, encoding="utf-8")
    assert cli.main(["test", "house.const"]) == 0
    assert capsys.readouterr().out == "house.const: no tests\n"
    house.write_text(WHOLE + PAIR, encoding="utf-8")
    assert cli.main(["test", "house.const"]) == 0
    assert capsys.readouterr().out == "house.const: no expectations; 1 pair for a model, see `cai-run test`\n"


def test_rules_and_tests_in_other_files_have_their_own_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "house"
    folder.mkdir()
    rules = WHOLE[WHOLE.index("\ntension") :]
    (folder / "rules.const").write_text("edition 2026\n" + rules + FAILS, encoding="utf-8")
    (folder / "house.const").write_text(
        WHOLE.replace(rules, "").replace('"A house"\n', '"A house"\n\nuse ./rules\n', 1), encoding="utf-8"
    )
    assert cli.main(["test", "house/house.const"]) == 1
    assert "--> house/rules.const:13:3" in capsys.readouterr().out


@pytest.mark.parametrize("least", ["0.9", "1"])
def test_a_threshold_that_may_be_a_part_of_one_is_refused(
    house: Path, least: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["test", str(house), f"--coverage-min={least}"])
    assert stopped.value.code == 2
    assert f"'{least}' may be {float(least) * 100:g}% or {float(least):g}%" in capsys.readouterr().err


def test_of_all_files_of_a_folder_parts_are_run_with_what_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("part.const").write_text(HOLDS, encoding="utf-8")
    Path("house.const").write_text(WHOLE.replace('"A house"\n', '"A house"\n\nuse ./part\n', 1), encoding="utf-8")
    assert cli.main(["test", "house.const", "part.const"]) == 0
    assert capsys.readouterr().out == "house.const: 5 expectations hold, in 2 tests\n"


def test_a_principle_is_covered_where_an_expectation_names_it(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it does not apply: that may be what is expected."""
    grave = WHOLE.replace(
        'harm.weapons "No weapons"\n', 'harm.weapons "No weapons"\n  applies when severity is grave\n'
    )
    test = '\ntest "not then"\n  case severity none\n  expect autonomy.choice applies\n  expect {}\n'
    for expected, covered in (
        ("harm.weapons at most 5% in preference", True),
        ("harm.weapons over autonomy", True),
        ("harm at most 5% in preference", False),
    ):
        house.write_text(grave + test.format(expected), encoding="utf-8")
        cli.main(["test", house.name, "--coverage"])
        out = capsys.readouterr().out
        assert ("no test looks at harm.weapons" not in out) == covered, out
