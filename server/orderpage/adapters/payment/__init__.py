"""Payment providers, one module each. Drivers of the entry-point group ``orderpage.payments``."""
