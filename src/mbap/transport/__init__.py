"""Bytes to and from the world: URLs, sockets."""
