"""A latent world model that plans on a robot and corrects its own dynamics while it works."""

__version__ = '0.1.0'
