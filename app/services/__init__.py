"""What a page or a command may ask; no HTTP, no SQL."""
