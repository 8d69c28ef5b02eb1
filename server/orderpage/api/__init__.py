"""The wire: servicers, interceptors and the conversion between messages and domain values."""
