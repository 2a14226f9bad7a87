"""A site: one TOML file -> links, poller, history and page, and running them."""
