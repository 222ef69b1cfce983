"""The world model: encoder, dynamics, heads; their files; the published checkpoint."""
