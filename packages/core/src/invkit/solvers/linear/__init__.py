"""Methods for quadratic objectives: conjugate gradients, and singular values for small ones."""
