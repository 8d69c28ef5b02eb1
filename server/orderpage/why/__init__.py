"""Explains every amount of a page. Asked for by ``explain_amounts``; nothing here changes a page or is on its way."""

from orderpage.why.explain import explain_amounts

__all__ = ["explain_amounts"]
