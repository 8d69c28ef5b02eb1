"""What every checkout needs whatever its site: admission, a last look, ways to pay, service orders, an event.

Codes and remedies: domain rules 7.1 and 7.2.
"""
