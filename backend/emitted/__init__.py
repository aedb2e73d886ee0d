"""What backends that emit code for a planned program share."""
