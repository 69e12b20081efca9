"""Sources of paintings, and the catalogue that all later stages start from."""
