"""How the world looks from inside."""
