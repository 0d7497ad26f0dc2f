"""A head of the user's own: learned from lesions with a label, and what that is worth."""
