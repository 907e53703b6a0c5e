"""What is in the database, as far as a migration has to know, and what will be there once it has run as planned."""
