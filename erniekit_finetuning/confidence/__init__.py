"""How likely each value of an answer is right: evidence, and a scale fitted to labelled answers."""
