"""``bench traffic``: what it costs to route a page to the new stack, and to compare behind the legacy one."""
