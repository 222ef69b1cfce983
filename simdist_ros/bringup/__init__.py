"""Which processes make up the graph, how they are started, and what a run comes to."""
