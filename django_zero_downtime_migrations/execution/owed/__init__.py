"""Debts of EXPAND_CONTRACT and the evidence that old code is gone."""
