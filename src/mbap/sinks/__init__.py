"""What listens to the stream of readings: history and publishers."""
