"""The node over DDS, timed from outside: cameras, nodes and consumer in processes of their own."""
