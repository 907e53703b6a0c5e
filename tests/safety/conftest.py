from tests.backends.fixtures import shop, site, twins

__all__ = ["shop", "site", "twins"]
