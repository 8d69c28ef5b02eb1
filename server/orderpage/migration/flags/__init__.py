"""The flag that says which traffic goes where: its rules, its file, and its evaluation by flagd."""
