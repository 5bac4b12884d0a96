"""`python -m gram` is the command `gram`."""

from gram.cli import main

if __name__ == "__main__":
    main()
