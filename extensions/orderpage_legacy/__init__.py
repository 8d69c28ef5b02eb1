"""The order page as old code has it: hand-written, every rule an ``if`` or a constant, no engine and no extensions.

It does the same work as the service for the scenarios it knows and gives the same page. ``orderpage bench`` measures
the service against it, so it is written to be fast where that reads well. Change a rule here when the scenario changes.
"""
