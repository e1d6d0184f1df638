"""Sampling: which principles a prompt draws. Importing it does not load numpy; making a plan does."""

from constitution_lang.sampling.draw import draws
from constitution_lang.sampling.movement import moved, stay, total_variation
from constitution_lang.sampling.plan import Plan, plan, prompt_keys
from constitution_lang.sampling.weights import shares, weights, weights_matrix

__all__ = [
    "Plan", "draws", "moved", "plan", "prompt_keys", "shares", "stay", "total_variation", "weights", "weights_matrix",
]  # fmt: skip
