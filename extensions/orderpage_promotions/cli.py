"""``orderpage coupon``: personal coupons for buyers."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orderpage.tools import Tools

app = typer.Typer(help="Personal coupons.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Personal coupons of the packages."""


@app.command()
def issue(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="Of a coupon with `claim: TOKEN`.")],
    buyer: Annotated[str, typer.Option(help="The buyer's id: nobody else can use the coupon.")],
    serial: Annotated[str, typer.Option(help="Tells it from others of the code. Left out: one by chance.")] = "",
    packages: Annotated[
        list[Path] | None,
        typer.Option("--packages", "-p", help="A further folder, after those of ORDERPAGE_PACKAGES.", exists=True),
    ] = None,
) -> None:
    """Print a coupon that only this buyer can use, and (unless it says otherwise) once."""
    import asyncio

    from orderpage.tools import WrongPackages
    from orderpage_promotions.tokens import issued

    tools: Tools = context.find_root().obj
    try:
        plans = tools.plans((*tools.folders(), *(packages or ())))
        name = _secret_name(plans, code)

        async def secret() -> str:
            async with tools.remote(plans) as remote:
                return remote.secret(name)

        typer.echo(issued(asyncio.run(secret()), code, serial or secrets.token_hex(6), buyer))
    except (WrongPackages, LookupError, ValueError) as wrong:
        typer.secho(str(wrong.args[0] if wrong.args else wrong), fg="red", err=True)
        raise typer.Exit(1) from None


def _secret_name(plans: Any, code: str) -> str:
    """The name of the secret of a scenario that takes the code. Raises ``LookupError``."""
    from orderpage_promotions.coupon_book import CouponBook
    from orderpage_promotions.coupons import Claim, CouponRules

    known = set()
    for plan in plans.plans:
        instances = [slot.instance for stage in plan.stages.values() for slot in stage.compiled]
        mine = {
            coupon.code
            for instance in instances
            if isinstance(instance, CouponRules)
            for coupon in instance.coupons.values()
            if coupon.claim is Claim.TOKEN
        }
        known |= mine
        books = [instance for instance in instances if isinstance(instance, CouponBook)]
        if code in mine and books:
            return books[0].secrets[0]
    if code in known:
        raise LookupError(f"the packages take {code}, but check no token: add `promotion.coupon_book` at `load`")
    codes = ", ".join(sorted(known)) or "none"
    raise LookupError(f"no coupon {code!r} with `claim: TOKEN` is in the packages; there are: {codes}")
