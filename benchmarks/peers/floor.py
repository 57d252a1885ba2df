"""What Dash's renderer costs by itself: the page answers when it sees the change in its store."""

from __future__ import annotations

import sys

from dash import Dash, dcc, html

ANSWER_LOCALLY = """
<script>
(function attach() {
  const store = window.dash_stores && window.dash_stores[0];
  if (!store) { setTimeout(attach, 10); return; }
  let last;
  store.subscribe(() => {
    const { layout, paths } = store.getState();
    const from = paths && paths.strs && paths.strs.question;
    if (!from) { return; }
    const question = from.reduce((node, key) => node && node[key], layout);
    const value = question && question.props.value;
    if (value === last) { return; }
    last = value;
    store.dispatch({
      type: "ON_PROP_CHANGE",
      payload: {
        itempath: paths.strs.answer,
        props: { children: value },
        renderType: "clientsideApi",
      },
    });
  });
})();
</script>
"""

app = Dash(__name__)
app.index_string = app.index_string.replace("</body>", ANSWER_LOCALLY + "</body>")
app.layout = html.Div([dcc.Input(id="question", value=""), html.Div(id="answer")])

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
