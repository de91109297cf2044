"""A data set on disk: documents, manifests, splits, card."""
