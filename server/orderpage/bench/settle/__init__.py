"""The bench of settlement."""
