"""Pages about a recorded day for people who look into it: data in, text out. No page loads anything."""
