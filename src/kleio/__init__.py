"""Kleio: the multi-user server for record collectors and music libraries."""

__version__ = "0.1.0"
