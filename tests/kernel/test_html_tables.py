"""Tables for notebooks."""

from dash_devices_nb.kernel.html_tables import SHORT, html_table


def test_texts_are_escaped_and_numbers_stand_on_the_right():
    """A column's head stands where its first cell does; long texts may be broken."""
    table = html_table(("na<me", "n"), [("a&b", -1.5), ("x" * (SHORT + 1), "7 V")], "two & more")
    assert "na&lt;me" in table
    assert "a&amp;b" in table
    assert (
        '<td style="text-align: right; padding: 2px 8px; vertical-align: top; white-space: nowrap">-1.5</td>' in table
    )
    assert f'<td style="text-align: left; padding: 2px 8px; vertical-align: top">{"x" * (SHORT + 1)}</td>' in table
    assert table.count("text-align: right") == 2, "the number and its head; 7 V is none"
    assert table.endswith("<p><small>two &amp; more</small></p>")


def test_a_table_without_rows_has_its_heads():
    """And no line below it where there is none to say."""
    table = html_table(("a", "b"), [])
    assert table.count("<th ") == 2
    assert "<small>" not in table
