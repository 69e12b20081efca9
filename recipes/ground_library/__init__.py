"""A ready-made library of grounds, made from a folder of pictures."""
