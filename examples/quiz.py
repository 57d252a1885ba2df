"""A quiz for a class: the teacher asks, phones answer, the result comes when the teacher shows it."""

import segno

from dash_devices_nb import Dash, Input, Output, dcc, html

QUESTIONS = {
    "Two lamps in series, then one is bridged. The other one": ["gets brighter", "gets darker", "stays as it is"],
    "A magnet falls through a copper pipe. It falls": ["as fast as before", "slowly", "not at all"],
    "The pendulum gets twice as long. Its period is": ["twice as long", "1.4 times as long", "the same"],
}
asked = []
"""The questions so far. Each has `.counts`, `.answers` and `.to_frame()`."""

app = Dash(__name__, title="Quiz")
app.layout = html.Div(
    [
        html.H1("Quiz"),
        app.presence(),
        html.Div(
            [
                html.H2("Ask"),
                dcc.RadioItems(list(QUESTIONS), next(iter(QUESTIONS)), id="which"),
                html.Div(
                    [
                        html.Button("Ask", id="ask", className="main"),
                        html.Button("Show the result", id="show"),
                        html.Button("Close", id="close"),
                    ],
                    className="row",
                ),
            ],
            className="card",
        ),
        html.Div(
            [
                html.H2("The way in"),
                html.Button("Make a link for the class", id="invite"),
                html.Div(id="code", className="code"),
            ],
            className="card",
        ),
        html.Div([html.H2("So far"), html.Div("Nothing yet.", id="so-far")], className="card"),
    ],
    className="page",
)


@app.callback(Output("code", "children"), Input("invite", "n_clicks"), prevent_initial_call=True, role="owner")
def invite(_):
    """On the teacher's page only: a link for people who look on, as a code to scan."""
    url = app.share("view", hours=2).url
    return [
        html.Img(src=segno.make(url).svg_data_uri(scale=5, light="#fff"), alt="Code of the link"),
        html.A(url, href=url),
    ]


@app.callback_shared(None, Input("ask", "n_clicks"), Input("which", "value"), role="owner")
def ask(clicks, which):
    """Each press asks once. A guest may answer, but not ask."""
    if clicks and clicks > len(asked):
        asked.append(app.ask(which, QUESTIONS[which]))


@app.callback_shared(Output("so-far", "children"), Input("show", "n_clicks"), role="owner", prevent_initial_call=True)
def show(_):
    """Take no more answers, show the result to all, and add it to the table."""
    if not asked:
        return "Nothing yet."
    asked[-1].close(show=True)
    rows = [
        html.Tr([html.Td(each.text), html.Td(", ".join(f"{k}: {n}" for k, n in each.counts.items()))]) for each in asked
    ]
    return html.Table([html.Thead(html.Tr([html.Th("Question"), html.Th("Answers")])), html.Tbody(rows)])


@app.callback_shared(None, Input("close", "n_clicks"), role="owner")
def close(_):
    """Clear the pages."""
    if asked:
        asked[-1].close()


if __name__ == "__main__":
    app.run()
