"""Taxes on imported goods, declared as dated data (domain rules 2.1; an illustration, not tax advice)."""
