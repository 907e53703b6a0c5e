from tests.backends.fixtures import shop

__all__ = ["shop"]
