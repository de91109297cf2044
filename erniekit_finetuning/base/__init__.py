"""How the small base model that ships in assets/ is made: tokenizer, curriculum, pre-training."""
