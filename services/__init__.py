"""The programs machines and people talk to. They know `streams` and `optimizer`; those know nothing of them."""
