"""Django sends its signals only for an app that has this module."""
