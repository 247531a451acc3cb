"""The clauses in our words, and what people declared for a clause or a control."""
