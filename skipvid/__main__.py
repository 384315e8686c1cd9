"""``python -m skipvid``."""

import sys

from skipvid.cli.main import main

sys.exit(main())
