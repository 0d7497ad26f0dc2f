"""What is in the scene: scans, seeds, tables, boxes, and where they stand in it."""
