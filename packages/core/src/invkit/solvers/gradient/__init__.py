"""Methods that step along gradients: plain, accelerated, proximal, and for stopping early."""
