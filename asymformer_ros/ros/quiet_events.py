"""Publishers and subscriptions without rclpy's event handlers.

Each handler is one thing more that the executor looks at for every message; together they take as
long as pairing. What they would log, `InputWatch` and `OutputWatch` say with the remedy.
"""

from __future__ import annotations

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

NO_PUBLISHER_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_SUBSCRIPTION_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)
