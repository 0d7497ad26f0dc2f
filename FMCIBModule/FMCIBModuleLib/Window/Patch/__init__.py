"""What the model saw of a lesion."""
