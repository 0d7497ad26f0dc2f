"""The module's panel: widgets (Panel), what happens when they are used (Controller), and what they show."""
