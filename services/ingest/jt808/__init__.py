"""JT/T 808: bytes of a terminal to truck states. Pure but for `server`; read `frame`, `messages`, `report`, `session`."""
