"""Pages an auditor reads: model card, control coverage."""
