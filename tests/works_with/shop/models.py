"""Nothing: the migrations alone make the tables."""
