"""Gates: is what was delivered, or computed, what it should look like.

Judges and keeps what it found; holding something back is `steps`' and Dagster's.
"""
