"""Pages recorded with all that they were made of, without personal data, and made again without asking anybody."""
