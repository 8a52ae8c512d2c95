"""From a source to a proven copy: its backup, its restore, and what the copy is made like."""
