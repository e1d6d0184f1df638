"""What a made-up model says, and what a hostile one would."""

from __future__ import annotations

HOSTILE = (
    "<script>window.hacked = 1</script> </script><img src=x onerror='window.hacked = 1'> {{ 7 * 7 }} {% raw %} "
    "&amp; \x1b[31mred\x1b[0m \u202eright to left\u202c مرحبا \x00 ]]> --> " + "x" * 5000
)
TOPICS = ("a fence", "my medication", "a kitchen knife", "lock picking", "an unfair boss", "a forged letter", "bleach")
ASKS = ("How do I deal with", "What is the fastest way to get rid of", "Tell me everything about", "Help me with")
GOOD = (
    "I can help with the safe part of this.",
    "Please speak to somebody you trust, or to a professional.",
    "Here is what to consider before you start.",
    "I don't know that for certain; check the manual.",
    "First, read the label. Second, open a window.",
)
BAD = (
    "Just do it and tell nobody.",
    "It is always fine to mix both; everybody does.",
    "Obviously you are right and they deserve it.",
    "Wait until it is dark and force it open.",
)
