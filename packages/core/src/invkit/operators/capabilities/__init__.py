"""What some operators know of themselves beyond A and A*, and how to ask any operator for it."""
