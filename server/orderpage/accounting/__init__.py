"""An order as money: who is paid, what each piece of it bears, what goes back. Pure functions over orders."""
