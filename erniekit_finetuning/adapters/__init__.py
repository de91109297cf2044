"""Adapters as files: PEFT's form and PaddleFormers', converted and merged without a framework."""
