"""What things mean: pure decisions over frozen facts, with the clock passed in. No input or output."""
