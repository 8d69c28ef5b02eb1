"""What can be wrong with flags. By itself, so that whoever only names it need not import flagd."""


class FlagError(ValueError):
    """Flags that cannot be used, or a place they cannot be read from. The message says what to do."""
