"""What speaks for a method, as scores of equal scale (domain rules 3.6 and "Ranking" in section 12)."""
