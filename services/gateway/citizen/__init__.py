"""What somebody without an account may do: report something, with place and photo, and follow what becomes of it."""
