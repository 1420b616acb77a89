"""Faults caused for real, in turn, and what the service does about them."""
