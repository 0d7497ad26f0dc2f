"""Which CT, and the placing and analysing of its seeds."""
