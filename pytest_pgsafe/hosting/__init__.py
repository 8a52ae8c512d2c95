"""Code hosts: a pull request's comment, written once and edited in place."""
