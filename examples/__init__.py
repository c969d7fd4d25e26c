"""Guides, and a small live fleet to run them against."""
