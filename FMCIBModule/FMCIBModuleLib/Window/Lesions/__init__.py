"""The list of lesions."""
