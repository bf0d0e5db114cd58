"""HTML by elements: what is text is escaped, whoever wrote it; there is no other way to make a page here. Pure."""

from html import escape
from typing import Final

_EMPTY: Final = frozenset({"meta", "link", "input", "img", "br"})


class Html(str):
    """Text that is HTML already, made by `el` or `together`."""

    __slots__ = ()


def el(name: str, /, *inside: str | None, **attributes: str | bool | None) -> Html:
    """Return an element. ``_`` in an attribute's name is ``-``, at its end nothing; True = bare; None, False = absent."""
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{name}{said}>" if name in _EMPTY else f"<{name}{said}>{together(*inside)}</{name}>")


def together(*inside: str | None) -> Html:
    """Return pieces one after the other, those that are mere text escaped."""
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in inside if one is not None))


def document(language: str, head: Html, body: Html) -> str:
    """Return a whole page."""
    return f"<!doctype html>\n{el('html', el('head', head), el('body', body), lang=language)}\n"


def _attribute(name: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escape(value)}"'
