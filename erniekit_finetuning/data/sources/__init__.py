"""The shapes that labelled data has in the field, each read into a Record."""
