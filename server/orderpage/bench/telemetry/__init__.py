"""``bench telemetry``: what metrics and traces add to a call."""
