"""Many simulated robots at once, to train in."""
