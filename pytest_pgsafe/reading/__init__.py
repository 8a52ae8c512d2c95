"""Statements read without a server: what each will do, to which objects, and which locks PostgreSQL takes for it.

Pure: text in, values out. What cannot be read exactly is said to be unread, and never taken as harmless.
"""
