"""``orderpage settle``: what each seller is owed, day by day."""
