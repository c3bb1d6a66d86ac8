"""What a run or a request looks like to a person: summaries, traces, comparisons."""
