"""Comparing with the other stack in a process of its own, at the lowest priority: no answer ever waits for it.

``process`` hands tasks over and takes what came of them; ``worker`` is the other end; ``job`` does the work.
"""
