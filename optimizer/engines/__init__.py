"""What makes plans: one problem compiled for speed, one way to judge a route, and engines that share both."""
