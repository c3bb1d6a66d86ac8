"""Reports for people: summaries, traces, reconciliations, incidents, the doctor."""
