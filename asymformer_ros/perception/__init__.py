"""What a frame means: units, labels, pictures. Knows nothing of ROS."""
