"""`python -m aims_mlops` is `aims`."""

from aims_mlops.cli.main import main

main()
