"""The site: Sphinx reads the pages as they are, and a link that leads nowhere fails the build."""

from importlib.metadata import version as installed

project = "pytest-pgsafe"
author = copyright = "The pytest-pgsafe developers"  # noqa: A001 (Sphinx's names)
version = release = installed("pytest-pgsafe")
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"pytest-pgsafe {release}"
# psql's commands, and dollar quotes, are in no SQL that the highlighter knows; it shows the text all the same.
suppress_warnings = ["misc.highlighting_failure"]
exclude_patterns = ["_site"]
