"""What the service costs, measured: one pinned page, a server and a load in processes of their own, paired rounds.

Figures are ratios of things measured in the same round, because machines differ and are shared. Nothing here is
imported by the service itself.
"""
