"""E5xx: cases, tensions and tests."""

from __future__ import annotations
