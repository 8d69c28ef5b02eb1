"""``bench growth``: what a page costs as carts, extensions, installations and scenarios grow."""
