"""What reviewers correct, kept until a training learns from it."""
