"""The Autobahn cases, run by kosoku against our WebSockets: `make autobahn` (see docs/decisions/0047)."""
