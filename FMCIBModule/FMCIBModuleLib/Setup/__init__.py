"""What must be here before anything can be analysed: packages, weights, device; and the panels that say so."""
