"""The public class `Dash`, which delegates, and the parts that it delegates to: `parts` makes them."""
