"""``manage.py backfills``: the records of backfills, shown and steered."""
