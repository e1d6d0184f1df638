"""Whether a version number grew as the changes ask for."""

from __future__ import annotations

from constitution_lang.diff.model import Grade, Growth, VersionVerdict

__all__ = ["verdict"]

_NEEDED = {
    None: Growth.NONE,
    Grade.COSMETIC: Growth.PATCH,
    Grade.METADATA: Growth.PATCH,
    Grade.MIX: Growth.MINOR,
    Grade.WORDING: Growth.MINOR,
    Grade.BEHAVIOUR: Growth.MAJOR,
    Grade.IDENTITY: Growth.MAJOR,
}


def verdict(old: str, new: str, grade: Grade | None) -> VersionVerdict:
    """Of two version numbers, where this is the highest grade of what changed between them."""
    was, now, needed = _parts(old), _parts(new), _NEEDED[grade]
    least = _grown(was, needed)
    text = ".".join(map(str, least))
    if now >= least:
        grew = f"{new} is right after {old}" if now != was else f"{new} stays"
        why = f"a change of grade {grade.value} asks for a new {needed} version" if grade else "nothing changed"
        return VersionVerdict(needed, text, holds=True, says=f"{grew}: {why}")
    if now < was:
        says = f"the version went back from {old} to {new}"
    elif now == was:
        says = f"the version is still {old}"
    else:
        says = f"the version grew from {old} to {new}, which is not enough"
    why = f", and a change of grade {grade.value} asks for a new {needed} version" if grade else ""
    return VersionVerdict(needed, text, holds=False, says=says + why, help=f"write version {text}")


def _parts(version: str) -> tuple[int, ...]:
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")[:3]]
    return (*numbers, 0, 0, 0)[:3]


def _grown(version: tuple[int, ...], by: Growth) -> tuple[int, ...]:
    major, minor, patch = version
    match by:
        case Growth.MAJOR:
            return major + 1, 0, 0
        case Growth.MINOR:
            return major, minor + 1, 0
        case Growth.PATCH:
            return major, minor, patch + 1
        case Growth.NONE:
            return version
