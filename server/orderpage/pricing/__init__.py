"""The host's arithmetic: everything that adds money up. Pure functions over domain values."""
