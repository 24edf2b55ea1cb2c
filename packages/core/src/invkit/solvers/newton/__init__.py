"""Newton's method for smooth objectives, and on primal and dual variables."""
