"""``orderpage traffic``: who is answered by which page, how far ramps are, what was sent back, what is left."""
