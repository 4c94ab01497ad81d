"""Texts and views in MLflow that are written again when they change, unless a user has changed them."""

from collections.abc import Mapping

from ..core.canonical import fingerprint

NOTE = "mlflow.note.content"
"""The tag of a description."""
MARKS = {NOTE: "vb.description"}
"""The tag with the fingerprint of what was written last, for tags that have a name of their own for it."""


def update_generated_tag(tags: Mapping[str, str], name: str, text: str) -> dict[str, str]:
    """The tags to set so that `name` has a text: none if it has it, or has one that a user has changed."""
    mark, written = MARKS.get(name, f"vb.written.{name}"), tags.get(name, "")
    if written == text or tags.get(mark, "") != (fingerprint(written) if written else ""):
        return {}
    return {name: text, mark: fingerprint(text)}
