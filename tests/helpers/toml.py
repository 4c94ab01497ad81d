"""Values written as TOML, as a user might write a benchmark file."""

import json
import re


def format_value(value):
    """A value in TOML with inline tables; large integers are hexadecimal, as Python limits decimal digits."""
    if isinstance(value, dict):
        items = ", ".join(f"{_format_key(key)} = {format_value(inner)}" for key, inner in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(format_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return hex(value) if value >= 2**63 else str(value)
    if isinstance(value, float):
        return repr(value)
    return _quote(value) if isinstance(value, str) else value.isoformat()


def format_document(table):
    """A TOML file, one line per key."""
    return "".join(f"{_format_key(key)} = {format_value(value)}\n" for key, value in table.items())


def _format_key(key):
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quote(key)


def _quote(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
