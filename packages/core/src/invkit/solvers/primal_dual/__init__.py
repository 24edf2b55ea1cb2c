"""Methods that step in the image and in a dual of each term f(K x)."""
