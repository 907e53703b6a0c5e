"""A judgement without a database: the catalogue is told by the models."""
