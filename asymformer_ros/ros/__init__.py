"""The only package here that imports rclpy."""
