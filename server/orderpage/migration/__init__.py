"""Moving traffic from a legacy order page to this one: who answers, whether both say the same, and how fast to go on.

``router`` decides per checkout from ``flags``, the ramps' shares and the trips; ``shadow`` computes the other page off
the response path and ``compare`` compares the two; ``gate`` watches what was counted and moves or trips a ramp.
"""
