"""What the FMCIB module is made of: a room for each matter, one idea a file.

    Scene, Worker <- Analysis; Worker <- Setup; all of them <- Window, FMCIBModule.py

`Scene/SceneBridge` is the only file that converts RAS. Nothing here imports torch: that lives in the worker's process.
"""
