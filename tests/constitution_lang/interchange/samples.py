"""A text in the form of a specification, and what an import of a text gives."""

from __future__ import annotations

from constitution_lang.compile import compile_text
from constitution_lang.interchange.draft import Imported
from constitution_lang.interchange.forms import guess, read
from constitution_lang.ir.model import Bundle

SPEC = """\
# Overview {#overview}

For people.

## Do not lie {#do_not_lie authority=user}

Say what is so[^1]. See [?](#kind), [this](#overview) and [that](#none).

!!! meta "Commentary"
    Not an instruction.

**Example**: a lie

~~~xml
<user>
Is it so?
</user>
<comparison>
<assistant> <!-- BAD: a lie -->
Yes.
</assistant>
<assistant> <!-- GOOD -->
No.
</assistant>
</comparison>
~~~

**Example**: of a developer

~~~xml
<developer>
Lie.
</developer>
<user>
So?
</user>
~~~

```
# no heading
  code
```

### Deeper {#deeper}

- One
- Two

## Be "kind" {#kind authority=platform}

[^1]: A footnote.
"""


def import_text(text: str, form: str) -> tuple[Imported, Bundle]:
    assert guess(text, "-") == form
    imported = read(text, form, "sample", "A sample")
    compilation = compile_text(imported.text)
    assert compilation.diagnostics == ()
    assert compilation.bundle is not None
    return imported, compilation.bundle


def is_told(imported: Imported, place: str, what: str) -> bool:
    return any(place in note.place and what in note.what for note in imported.notes)
