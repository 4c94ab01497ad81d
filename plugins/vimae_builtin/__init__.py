"""The built-in plugins of vimae-bench, found by entry points like those of third-party packages."""
