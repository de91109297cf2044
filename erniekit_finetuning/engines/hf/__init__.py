"""The second engine: transformers' models with PEFT's LoRA, in a process without Paddle."""
