"""Methods that take one term of a sum at a time, and expectation maximisation for counts."""
