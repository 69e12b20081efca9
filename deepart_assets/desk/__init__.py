"""The curator's desk: a web application over the data lake. It computes nothing of the pipeline."""
