"""One recipe in the words of each trainer, and what that trainer cannot do."""
