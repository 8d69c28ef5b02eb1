"""Third-party carriers, described by configuration: their prices before the order, their bookings after it.

``description`` is what a YAML file says of a carrier, ``connection`` talks to it, ``mapping`` turns our values into its
words and reads its answers strictly. ``quotes`` (at ``ask``) brings prices as the fact of ``facts``, ``offer`` makes
methods of them. A carrier of a known shape is a YAML file and no code; see ``deploy/carriers``.
"""
