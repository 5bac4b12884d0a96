"""`python -m gram.cli`, for torchrun."""

from gram.cli import main

if __name__ == "__main__":
    main()
