"""A network made to run fast on the machine at hand. Knows nothing of ROS."""
