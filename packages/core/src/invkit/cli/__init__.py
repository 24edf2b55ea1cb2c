"""The command line. ``app`` and what lists and mounts import no torch; each heavy command has a module of its own."""
