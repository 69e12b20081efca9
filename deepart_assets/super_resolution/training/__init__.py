"""Training the ×4 network; `stages` holds the entry points."""
