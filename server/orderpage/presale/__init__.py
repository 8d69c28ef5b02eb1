"""Orders that are paid in stages: the deposit on paper, the balance paid once, and what ends without it."""
