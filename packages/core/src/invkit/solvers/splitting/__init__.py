"""Methods that give each term a copy of what it acts on."""
