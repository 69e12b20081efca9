"""From a source of paintings to the catalogue that every later stage starts from."""
