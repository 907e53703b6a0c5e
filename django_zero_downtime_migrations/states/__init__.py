"""States of the project in which only those models become classes that somebody asks for."""
