"""The engine's processes behind QProcess: the worker, which computes and stays, and one for each task."""
