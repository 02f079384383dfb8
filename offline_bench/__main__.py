"""`python -m offline_bench`: the command line."""

from offline_bench.cli import main

if __name__ == "__main__":
    main()
