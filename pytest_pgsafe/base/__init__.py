"""Bases: stopped clusters that hold a restored, proven copy of a source, kept for later runs to start copies of."""
