"""Why an amount is what it is, as a tree of what it is the sum of. Works from the wire messages, as a client would."""

import sys
from difflib import get_close_matches

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from crossborder.checkout.v1 import order_page_pb2
from orderpage.cli.failures import UserMistake
from orderpage.domain.money import Currency

Amounts = dict[str, order_page_pb2.AmountExplanation]


def show_why(rendered: order_page_pb2.RenderResponse, path: str) -> None:
    """Print the tree. Raises ``UserMistake`` where the page has no such amount, with near ones."""
    amounts: Amounts = {why.path: why for why in rendered.amounts}
    if path not in amounts:
        near = get_close_matches(path, amounts, n=5, cutoff=0.5) or [each for each in amounts if "totals." in each]
        raise UserMistake(f"the page has no amount {path!r} among its {len(amounts)}; try {', '.join(near)}")
    money = Currency(rendered.page.currency.code, rendered.page.currency.exponent)
    tree = Tree(_said(amounts[path], money))
    _grow(tree, amounts[path], amounts, money)
    Console(width=None if sys.stdout.isatty() else 132, highlight=False).print(tree)


def _grow(tree: Tree, why: order_page_pb2.AmountExplanation, amounts: Amounts, money: Currency) -> None:
    for part in why.parts:
        found = amounts[part]
        if found.amount:
            _grow(tree.add(_said(found, money)), found, amounts, money)


def _said(why: order_page_pb2.AmountExplanation, money: Currency) -> str:
    """One amount in a few lines; of a sum the parts say all."""
    first = f"[bold]{money.format(why.amount)}[/] {escape(why.path)}"
    if why.rule == "sum":
        return first
    by = ", ".join(filter(None, (why.rule, why.row, why.extension)))
    inputs = "; ".join(f"{each.name} {each.value}" for each in why.inputs)
    return "\n".join(filter(None, (first, escape(by), escape(inputs), escape(why.origin))))
