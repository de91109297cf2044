"""Sources of labelled documents in, training pairs out."""
