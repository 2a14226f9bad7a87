"""Finding out what is going on: captures and what is in them."""
