"""What is said to models, as checked data files."""
