"""E2xx: names, files and versions that do not fit together."""

from __future__ import annotations
