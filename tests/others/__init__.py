"""What others wrote, run on our class: `make others` (see docs/others.md). Not part of the suite."""
