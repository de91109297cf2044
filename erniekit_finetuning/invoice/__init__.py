"""The invoice domain: model, values, rules. Pure Python, no I/O, no machine learning."""
