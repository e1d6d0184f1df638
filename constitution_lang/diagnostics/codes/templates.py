"""E4xx: prompt templates."""

from __future__ import annotations
