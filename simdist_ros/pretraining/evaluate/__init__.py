"""What a pretrained model can do."""
