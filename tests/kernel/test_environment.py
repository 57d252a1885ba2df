import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest

from dash_devices_nb.kernel.environment import Environment, Host, detect, notebook_path
from tests.support.kernels import Kernel, running_kernel

DETECT = "from dash_devices_nb.kernel.environment import *; e = detect()\n"


@pytest.fixture(scope="module")
async def kernel() -> AsyncIterator[Kernel]:
    """One kernel for all of these tests, which leave nothing in it."""
    async with running_kernel() as kernel:
        yield kernel


def test_a_script_is_a_script():
    """Without IPython there is no host, no kernel id and no notebook."""
    assert detect() == Environment(Host.SCRIPT)
    assert notebook_path({"JPY_SESSION_NAME": "/x/a.ipynb"}) is None
    assert not Environment(Host.SCRIPT).interactive


async def test_ipython_in_a_terminal_is_no_kernel():
    """IPython without a kernel is interactive, but has no cells."""
    program = """if True:
        from IPython.core.interactiveshell import InteractiveShell
        from dash_devices_nb.kernel.environment import detect
        InteractiveShell.instance()
        e = detect()
        print(e.host, e.in_kernel, e.interactive)
    """
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert output == b"Host.TERMINAL False True\n"


async def test_a_kernel_of_no_server(kernel: Kernel):
    """A kernel that a program started has no id at a server."""
    cell = await kernel.run(DETECT + "print(e.host, e.kernel_id, e.notebook, e.in_kernel)")
    assert cell.text == "Host.KERNEL None None True\n"


async def test_vs_code_is_known_by_its_namespace(kernel: Kernel):
    """VS Code's notebook path in the namespace counts, its environment variables do not."""
    cell = await kernel.run("import os; os.environ['VSCODE_PID'] = '1'\n" + DETECT + "print(e.host)")
    assert cell.text == "Host.KERNEL\n"
    cell = await kernel.run("__vsc_ipynb_file__ = '/home/x/a.ipynb'\n" + DETECT + "print(e.host, e.notebook)")
    assert cell.text == "Host.VSCODE /home/x/a.ipynb\n"
    await kernel.run("del __vsc_ipynb_file__, os.environ['VSCODE_PID']")


async def test_the_session_name_is_the_notebooks_path(kernel: Kernel):
    """A server's session names the notebook; a console's name is no path of a notebook."""
    cell = await kernel.run(
        DETECT
        + "for name in ('/home/x/é a.ipynb', '/home/x/console-1-5f.ipynb', ''):\n"
        + "    print(notebook_path({'JPY_SESSION_NAME': name}))"
    )
    assert cell.text == "/home/x/é a.ipynb\nNone\nNone\n"
