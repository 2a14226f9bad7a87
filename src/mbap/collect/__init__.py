"""From register maps to readings: profiles, plans, the poller, the stream."""
