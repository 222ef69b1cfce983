"""From a robot's description to its world model: expert, data, training, evaluation."""
