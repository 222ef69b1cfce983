"""What every other part builds on: errors, settings, files, ticks, rotation; no robot."""
