"""``orderpage diff``: how the two pages differ."""
