"""What answers look like: JSON Schemas as small trees, and answers of a shape of one's own."""
