"""What the FMCIB module is made of, one idea a file.

    fmcib_engine <- SceneBridge, WorkerProcess <- LesionNodes <- AnalysisLogic <- FMCIBModule.py

`SceneBridge` is the only file that speaks RAS. Nothing here imports torch: that lives in the worker's process.
"""
