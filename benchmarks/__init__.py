"""What is measured: speed, plan quality, walking; ``python -m benchmarks`` runs all of it."""
