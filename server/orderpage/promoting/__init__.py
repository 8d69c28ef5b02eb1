"""What a page says of promotions, and what packages may not say of them."""
