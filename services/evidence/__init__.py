"""What an alert was judged from, kept so that it can be proven later: beside the path of alerts, never in it."""
