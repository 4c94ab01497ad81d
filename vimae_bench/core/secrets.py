"""Addresses printed without the secrets in them."""

import re

SECRET_IN_QUERY = re.compile(r"([?&][^=&\s]*(?:key|pass|pwd|secret|sig|token)[^=&\s]*=)[^&#\s\"']+", re.IGNORECASE)


def mask_secrets(text: str) -> str:
    """The text without what is secret in its URIs: `https://me:secret@host?key=x` is `https://***@host?key=***`."""
    return SECRET_IN_QUERY.sub(r"\1***", re.sub(r"://[^/\s]*@", "://***@", text))
