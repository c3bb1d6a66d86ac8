"""Files for people and systems, made of the published marts alone.

    reports.py, presets.py, custom.py ─► one query ─► writing.py ─► file and manifest
    statements/                       ─► a month of one workspace ─► HTML, PDF

Nothing here changes a mart or computes a price.
"""
