"""Models as folders: written whole, verified, loaded."""
