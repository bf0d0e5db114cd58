"""How Qingyun is run: on one machine (`deploy.local`), and the cities' data folders."""
