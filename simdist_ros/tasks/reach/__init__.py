"""Bringing a tool to a place."""
