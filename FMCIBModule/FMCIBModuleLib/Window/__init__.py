"""The module's panel. A room for each of its parts: widgets (Panel), what happens when they are used (Controller), and
what they show. Here stands what puts them together, and what several of them need.
"""
