"""`python -m vimae_bench` is `vimae-bench`."""

from .cli import main

if __name__ == "__main__":
    main()
