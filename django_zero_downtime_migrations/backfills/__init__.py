"""``manage.py backfills``: what is kept of backfills, told and steered."""
