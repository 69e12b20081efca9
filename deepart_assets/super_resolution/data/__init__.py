"""LR/HR pairs: how they are made, stored and cropped for training."""
