"""The parts of the end-to-end harness, one per file."""
