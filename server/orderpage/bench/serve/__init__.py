"""``bench serve``: what the process costs: start, memory, two workers against one."""
