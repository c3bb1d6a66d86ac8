"""Where the records of a file begin and end, format by format: JSON lines, JSON, CSV, recorded streams.

Records are cut out as text. What a record means is declared in `ingestion.streams`; values are read in
`ingestion.reader`.
"""
