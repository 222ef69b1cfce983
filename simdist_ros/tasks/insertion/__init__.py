"""Inserting a peg into a hole."""
