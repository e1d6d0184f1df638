"""Wxxx and Axxx: what is legal and probably not meant."""

from __future__ import annotations
