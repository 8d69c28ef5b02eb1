"""What the service costs, measured: a server and a load in processes of their own, paired rounds, pinned data.

A folder a command (``measure`` makes its figures, ``stand`` is the server it measures, ``profile`` says where the time
goes); beside them what they share. Figures are ratios of things measured in the same round, because machines differ and
are shared. Nothing here is imported by the service itself.
"""
