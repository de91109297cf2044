"""The hf engine on architectures that Paddle cannot compute on a CPU, and parity of both."""
