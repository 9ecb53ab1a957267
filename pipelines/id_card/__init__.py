"""ID-card reading, measured: find the lines of text on a card, then read them."""
