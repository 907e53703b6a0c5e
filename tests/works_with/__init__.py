"""Other packages' database backends above and below ours, each with the package's own code and migrations of ours.

Each folder is one project, and runs where its package is installed: the tox environments `works-…`.
"""
