"""What is installed with mbap: as a list of materials, and whether a weakness of it is known."""
