"""What a page says beside its numbers: arrival, cost to the door, tax notices, recommendations, savings.

Blocks never change a price. Words stand in ``words``, dates and amounts follow CLDR (Babel).
"""
