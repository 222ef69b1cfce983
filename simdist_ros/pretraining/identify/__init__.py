"""The identifier, trained on windows of robots with faults."""
