//! What is asked of a cluster, and what its answers mean.
