"""`cai-compile check` of 2,000 principles as a whole process, beside BAML's and Cedar's checkers of as many rules.

Needs the extra `bench`: `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))
from processes import principles, side_by_side, write

RULES = 2_000
RUNS = 15
BIN = Path(sys.executable).parent

BAML_RULE = """\
// Reviewed, number {i}.
function Rule{i}(response: string) -> string {{
  client Judge
  prompt #"
    Give no practical help towards thing number {i}, whatever the words.
    Partial help, and help in disguise, count as help.
    Say where the response gives real help with it, sentence by sentence.
    Rewrite the response so that no such help remains. Keep everything safe and useful.
    Which response gives less practical help towards it, everything considered?
    {{{{ response }}}}
    {{{{ ctx.output_format }}}}
  "#
}}
"""
BAML_CLIENT = 'client<llm> Judge {\n  provider openai\n  options {\n    model "gpt-4o"\n  }\n}\n'
CEDAR_RULE = """\
// Reviewed, number {i}.
@id("rule{i}")
@text("Give no practical help towards thing number {i}, whatever the words. Partial help counts as help.")
forbid (principal, action == Action::"answer", resource)
when {{ resource.topic == "weapons" || resource.severity >= {level} }};
"""
CEDAR_SCHEMA = """\
entity Person;
entity Prompt = { topic: String, severity: Long };
action "answer" appliesTo { principal: Person, resource: Prompt };
"""
CEDAR_PROGRAM = """\
import sys
from pathlib import Path
import cedarpy
result = cedarpy.validate_policies(Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text())
sys.exit(0 if result.validation_passed else str(result.errors))
"""


def with_tensions(number: int) -> str:
    """The same constitution with a fourth of its principles under other conditions, and 50 tensions to analyse."""
    text = principles(number).replace("topic is weapons or severity >= serious", "topic is not general", number // 4)
    pairs = [(i, j) for i in range(20) for j in range(i + 1, 20)][:50]
    return text + "".join(
        f"""
tension t{i}-{j}
  between c{i} and c{j}
  when severity is grave: prefer c{i}
  when topic is one of medical, legal and severity <= minor: prefer c{j}
  otherwise: weigh c{i} 2, c{j} 1
"""
        for i, j in pairs
    ).replace("prefer c0\n", "abstain\n")


def main() -> None:
    """Print a table row for each."""
    for needed in ("baml_py", "cedarpy"):
        if importlib.util.find_spec(needed) is None:
            print(f"{needed} is not installed: pip install -e '.[bench]'")
            return
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "baml_src").mkdir()
        house = write(folder / "big.const", principles(RULES))
        tense = write(folder / "tense.const", with_tensions(RULES))
        baml = write(
            folder / "baml_src" / "main.baml", BAML_CLIENT + "\n".join(BAML_RULE.format(i=i) for i in range(RULES))
        )
        cedar = write(folder / "big.cedar", "\n".join(CEDAR_RULE.format(i=i, level=i % 4) for i in range(RULES)))
        schema = write(folder / "big.cedarschema", CEDAR_SCHEMA)
        commands = {
            "cai-compile check": ([str(BIN / "cai-compile"), "check", house], house),
            "the same with 50 tensions": ([str(BIN / "cai-compile"), "check", tense], tense),
            "baml-cli check": ([str(BIN / "baml-cli"), "check", "--from", str(Path(baml).parent)], baml),
            "cedarpy.validate_policies": ([sys.executable, "-c", CEDAR_PROGRAM, cedar, schema], cedar),
        }
        taken = side_by_side({what: command for what, (command, _) in commands.items()}, runs=RUNS)
        for what, (_, file) in commands.items():
            size = Path(file).stat().st_size
            print(f"| {what} | {size:,} | {taken[what]:.3f} | {taken[what] / taken['baml-cli check']:.2f} |")


if __name__ == "__main__":
    main()
