"""Reports for people: summaries, traces, reconciliations, exports, the doctor."""
