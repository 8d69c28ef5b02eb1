"""What remote carriers do to pages: one that answers, and one that keeps a page waiting."""
