"""Which statement is this?"""
