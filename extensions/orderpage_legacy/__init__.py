"""The old order page: hand-written, every rule an ``if`` or a constant, no engine and no extensions.

It is what traffic is migrated from: the same pages and orders as the shipped layers of Hong Kong and Singapore make,
in a service of its own (``stand_in``). ``orderpage bench`` measures the new service against its branch for the
business ``pinned``, so it is written to be fast where that reads well. Change a rule here when the layers change.
"""
