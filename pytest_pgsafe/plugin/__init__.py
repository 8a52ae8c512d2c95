"""The pytest plugin: hooks, options, fixtures and collected items. The only room that imports pytest."""
