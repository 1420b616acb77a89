"""From raw files to encoded rows: sources, splits, text, tokens, batches."""
