"""What really happened: bags in and out."""
