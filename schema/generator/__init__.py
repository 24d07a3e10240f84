"""Reads the catalogue (schema/catalogue/) and makes everything that follows from it. Standard library only."""
