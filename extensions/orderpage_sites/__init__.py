"""The scenario layers of Hong Kong, Taiwan, Singapore, Malaysia and Canada, as package data.

``scenarios.yaml`` names the dimensions and their closed values; ``layers/`` says, per scenario, which extension
stands where and with which settings; ``demo/`` is a catalogue to try them on. All numbers are illustrative unless a
comment names their source.
"""
