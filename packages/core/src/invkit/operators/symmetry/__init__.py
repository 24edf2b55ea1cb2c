"""Groups that move pixels, and turns off the grid."""
