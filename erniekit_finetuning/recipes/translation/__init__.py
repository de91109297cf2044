"""One recipe in the words of each engine, and what an engine cannot do of it."""
