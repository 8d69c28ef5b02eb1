"""Whether two answers to one request say the same, field by field as the contract means them."""
