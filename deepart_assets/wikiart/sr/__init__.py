"""WikiArt SR: the paintings that the super-resolution network learns from."""
