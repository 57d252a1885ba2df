"""The public class `Dash`, and its methods by subject. They delegate to the other rooms."""
