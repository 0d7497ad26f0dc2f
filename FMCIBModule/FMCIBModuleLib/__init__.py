"""What the FMCIB module is made of, one idea a file.

    fmcib_engine <- SceneBridge, WorkerProcess <- LesionTable, Results <- AnalysisLogic <- Headless, FMCIBModule.py

`SceneBridge` is the only file that converts RAS. Nothing here imports torch: that lives in the worker's process.
"""
