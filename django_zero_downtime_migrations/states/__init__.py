"""States of the project in which a model becomes a class only when it is asked for."""
