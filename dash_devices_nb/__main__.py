"""`python -m dash_devices_nb`."""

import sys

from dash_devices_nb.cli import main

if __name__ == "__main__":
    sys.exit(main())
