"""Frozen values of the checkout: what a page and an order are made of.

Nothing here does I/O, reads a clock or knows a site. Amounts are integers in minor units; every struct is immutable,
so a page is a function of its inputs and can be replayed.
"""
