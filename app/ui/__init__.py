"""The review desk: reviewers see what was read, where it stands, and correct it."""
