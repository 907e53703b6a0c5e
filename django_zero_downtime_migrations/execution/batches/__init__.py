"""Rows are written in batches: their SQL, their pace, their position, and the records that outlive a run."""
