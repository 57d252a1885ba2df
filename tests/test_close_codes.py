"""Close codes: the pages' script and the app mean the same by them."""

import re
from pathlib import Path

from dash_devices_nb.close_codes import CloseCode

CLIENT = Path(__file__).parent.parent / "dash_devices_nb/client"


def test_the_pages_script_has_the_same_codes():
    """By name and number; no script writes a bare one."""
    (written,) = re.findall(r"CLOSE_CODES = \{(.*?)\}", (CLIENT / "socket.js").read_text(encoding="utf-8"))
    codes = {name: int(number) for name, number in re.findall(r"(\w+): (\d+)", written)}
    assert codes
    assert codes == {name: int(CloseCode[name]) for name in codes}
    scripts = {path.name: path.read_text(encoding="utf-8") for path in CLIENT.glob("*.js")}
    assert [name for name, text in scripts.items() if re.search(r"\.code [!=]== \d", text)] == []
