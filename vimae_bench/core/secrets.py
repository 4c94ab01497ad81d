"""Addresses shown without the secrets in them: of the address of a server, its scheme and host, and nothing else."""

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3}[^\s\"'<>`]*")
"""With a bound on the scheme, so that a long text takes no time that grows with its square."""
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)(:[0-9]{1,5})?")
SERVERS = re.compile(r"(https?|ftp|s3|gs|hdfs|postgresql|postgres|mysql|mariadb|mssql|oracle)(\+[A-Za-z0-9_]+)?")
"""The schemes that a host follows."""
LOCAL = re.compile(r"(sqlite|file):///?[^?#]*")
"""Addresses of files on this machine."""
SECRET_NAME = re.compile(r"key|pass|pwd|secret|sig|token|credential", re.IGNORECASE)
SETTING = re.compile(r"([?&#;][^=&;?#\s]+=)[^&#;\s\"']+")
"""A setting in an address."""
SECRET_VARIABLE = re.compile(r"PASSWORD|PASSWD|TOKEN|SECRET|ACCESS_KEY|API_?KEY", re.IGNORECASE)
MIN_VARIABLE = 8
"""Characters of the value of such a variable of the environment; a shorter one may be a word."""
MIN_SECRET, MIN_ANYWHERE = 2, 6
"""Characters of a piece of an address that is hidden in messages as a word, and of one that is hidden anywhere."""


def show_address(uri: str) -> str:
    """The scheme, host and port of an address; `***` stands for the rest, and for all where that is not clear.

    Of a file on this machine the path is shown.
    """
    if not uri or LOCAL.fullmatch(uri):
        return uri
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri if re.fullmatch(r"[\w./~ -]*", uri) else HIDDEN
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return HIDDEN
    if LOCAL.match(uri):
        return f"{re.split('[?#]', uri)[0]}{HIDDEN}"
    authority, after = _split_authority(rest)
    user, has_user, host = authority.rpartition("@")
    # A password may have a slash or an @ in it, and what looks like a host is then a part of it.
    if "@" in after or not SERVERS.fullmatch(scheme.lower()) or not HOST.fullmatch(host):
        return f"{scheme}://{HIDDEN}" if rest else uri
    return f"{scheme}://{HIDDEN + '@' if has_user and user else ''}{host}{'/' + HIDDEN if after.strip('/') else ''}"


def mask_secrets(text: str, *uris: str) -> str:
    """The text without what is secret in its addresses, and without every piece of these addresses but their hosts.

    Values of environment variables whose names say that they are secret are hidden as well.
    """
    for uri in filter(None, uris):
        text = text.replace(uri, show_address(uri))
        for piece in sorted(_list_secrets(uri), key=len, reverse=True):
            text = _hide_piece(text, piece)
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and len(value) >= MIN_VARIABLE and not value.startswith("/"):
            text = text.replace(value, HIDDEN)
    text = ADDRESS.sub(lambda match: _mask_address(match[0]), text)
    return SETTING.sub(lambda match: f"{match[1]}{HIDDEN}" if is_secret_name(match[1]) else match[0], text)


def replace_words(text: str, words: str, other: str) -> str:
    """The text with something in the place of words, but not of parts of longer ones."""
    return re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", lambda _: other, text)


def is_secret_name(name: str) -> bool:
    """Whether the name of a setting says that its value is secret."""
    return bool(SECRET_NAME.search(name))


def _split_authority(rest: str) -> tuple[str, str]:
    """What is before the first slash, question mark or hash, and what is behind."""
    end = re.search("[/?#]", rest)
    return (rest[: end.start()], rest[end.start() :]) if end else (rest, "")


def _mask_address(uri: str) -> str:
    """An address in a text, which may be a link to a paper: only what may hold a secret is hidden."""
    scheme = uri.partition(":")[0].lower()
    if "@" not in uri and "%40" not in uri and (scheme in ("http", "https", "ftp") or not SERVERS.fullmatch(scheme)):
        return uri if scheme != "databricks" else show_address(uri)
    return show_address(uri)


def _list_secrets(uri: str) -> Iterator[str]:
    """The pieces of an address that its shown form leaves out."""
    if LOCAL.fullmatch(uri) or (shown := show_address(uri)) == uri:
        return
    _, mark, rest = uri.partition("://")
    authority, after = _split_authority(rest)
    user = authority.rpartition("@")[0]
    if not mark or shown == HIDDEN or shown.endswith(f"://{HIDDEN}"):
        hidden = rest or uri
    else:
        path, _, values = after.partition("?" if "?" in after else "#")
        segments = [part for part in path.split("/") if len(part) >= MIN_ANYWHERE and re.search("[0-9]", part)]
        hidden = " ".join([user, *segments, *(part.rpartition("=")[2] for part in re.split("[&;#]", values))])
    for text in {hidden, unquote(hidden)}:
        yield from (piece for piece in re.split(r"[\s:/?#@&=;]+", text) if len(piece) >= MIN_SECRET)
        yield from (piece for piece in re.split(r"[\s@?#]+", text) if len(piece) >= MIN_ANYWHERE)


def _hide_piece(text: str, piece: str) -> str:
    return text.replace(piece, HIDDEN) if len(piece) >= MIN_ANYWHERE else replace_words(text, piece, HIDDEN)
