"""Enlarging pictures of any size by 4, and keeping the subject of the original."""
