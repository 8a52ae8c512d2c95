"""Entries of what was done, sealed: a receipt is one of them, and the evidence of a root is a chain of them."""
