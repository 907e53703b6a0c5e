"""An empty module: the migrations alone make the tables."""
