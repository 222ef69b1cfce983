"""Episodes on disk: datasets, their manifests, a bounded replay."""
