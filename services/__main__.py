"""``python -m services …``: the programs that run and the tools around them."""

from services.cli import main

if __name__ == "__main__":
    main()
