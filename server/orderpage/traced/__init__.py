"""A trace read back, and joined with the packages: which extension ran, from which line, how long, what it decided.

``otlp`` reads what collectors write and trace stores answer, ``source`` finds a trace in a file or at a URL, ``call``
is one of our calls in it, ``joined`` lays it over the plan as the packages compile now, ``shown`` is its text. Only
the command line imports this; the service that writes traces never does.
"""
