"""Direct mail and official consolidation: methods, last-mile fees, parcels and arrival dates.

Rules: domain rules 3.1 (shapes), 3.2 (chargeable weight), 3.3 (surcharges, classes), 3.4 (arrival) and the decisions
of section 12. Numbers are settings of the scenario layers; this package holds none.
"""
