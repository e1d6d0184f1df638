"""E3xx: values of the wrong type or out of bounds."""

from __future__ import annotations
