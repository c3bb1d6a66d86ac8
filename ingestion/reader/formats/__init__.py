"""Where the records of a file begin and end, format by format: JSON lines, JSON, CSV, recorded streams.

Cut by the letter; what a record means is the declaration's (`ingestion.streams`), what a value is `ingestion.reader`'s.
"""
