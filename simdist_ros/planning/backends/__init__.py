"""What runs the world model for the search: PyTorch, or ONNX Runtime with the exported graphs."""
