"""The process that computes: the engine's worker behind QProcess."""
