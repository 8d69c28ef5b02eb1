"""Promotions as declared rules (domain rules, section 4); the host finds the base, allocates and rounds."""
