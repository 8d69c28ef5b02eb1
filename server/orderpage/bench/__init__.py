"""What the service costs, measured: a server and a load in processes of their own, paired rounds, pinned data.

``render`` needs nothing but this package; ``submit`` fills an empty database and prices by the installed packages.

Figures are ratios of things measured in the same round, because machines differ and are shared. Nothing here is
imported by the service itself.
"""
