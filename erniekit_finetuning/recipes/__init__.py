"""Recipes: one YAML describes one fine-tune."""

from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.recipes.model import Recipe

__all__ = ["Recipe", "load_recipe"]
