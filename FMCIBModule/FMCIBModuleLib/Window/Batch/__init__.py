"""*Batch: many scans of the DICOM database*: scans and seeds, what would be done, how far it is, what came out."""
