from tests.backends.fixtures import observer, shop, site, twins

__all__ = ["observer", "shop", "site", "twins"]
