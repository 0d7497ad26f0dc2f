"""What heads say of a lesion, and the heads that are here."""
