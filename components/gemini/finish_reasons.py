"""Reasons why a model stopped that are judgements of the content: asking again changes nothing.

Source: FinishReason and BlockedReason of google-genai 3.4, and MODEL_ARMOR.
"""

from __future__ import annotations

BLOCKING = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "JAILBREAK",
        "LANGUAGE",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
