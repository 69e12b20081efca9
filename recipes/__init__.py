"""How the models that the project ships were trained, one folder for each."""
