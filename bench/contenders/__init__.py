"""Who is compared: small programs that serve the same data, or ask for it, each in its own library's way."""
