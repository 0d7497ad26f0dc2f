"""How far the numbers of a lesion move when its seed moves and its patch changes."""
