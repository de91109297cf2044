"""PDF and image in; words with boxes in reading order, and the text a model reads, out."""
