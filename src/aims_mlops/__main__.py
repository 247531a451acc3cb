"""`python -m aims_mlops` is `aims`; `main(arguments)` is the same from Python."""

from aims_mlops.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
