"""The module's panel, a room for each of its parts: widgets (Panel), and what happens when they are used (Controller).

Here stands what several rooms need, and `Window`, which puts them together. Another part is one more room, and a line
in `Window` for each thing that the others have to hear of it.
"""
