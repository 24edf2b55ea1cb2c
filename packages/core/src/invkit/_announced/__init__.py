"""What the core announces through the hooks, one file for each kind. Imports no torch."""
